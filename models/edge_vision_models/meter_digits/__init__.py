"""The model `meter-digits`: how far one rolling wheel of a meter has turned, in tenths of a digit."""
