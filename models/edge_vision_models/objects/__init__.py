"""The model `objects`: what a picture shows, of 200 kinds, and the backbone that others begin from."""
