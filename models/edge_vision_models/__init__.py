"""The shipped models: one folder a bundle, installed with the program and found by its name."""
