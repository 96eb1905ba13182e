"""The model `people-mask`: which places of a picture show people."""
