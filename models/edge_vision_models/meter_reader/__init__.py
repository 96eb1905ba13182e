"""The model `meter-reader`: the number on a row of five to eight rolling wheels."""
