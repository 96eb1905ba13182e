"""Data sets: folders of pictures and videos, read, split and cached for training."""
