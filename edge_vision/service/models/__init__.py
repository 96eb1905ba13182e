"""Models on the command line: look into a file, make a bundle of it, prove it, find it again."""
