"""Drawn scenes: cameras for which every true box, and every number, is known."""
