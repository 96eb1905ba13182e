"""Augmentation: pictures changed at random, and what is told of them with them."""
