"""The model `paint`: what a camera sees, painted in the style of an old master."""
