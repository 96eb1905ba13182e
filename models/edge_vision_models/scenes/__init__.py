"""The model `scenes`: which of 15 kinds of scene a view shows."""
