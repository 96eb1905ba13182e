"""The model `sharpen`: pictures in twice the width and height."""
