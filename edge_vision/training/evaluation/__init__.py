"""Evaluation: how well any model does, ours or not, asked as the daemon asks it."""
