"""Recipes for data of one's own: one module each, which holds one class that is a Recipe."""
