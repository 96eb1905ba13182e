"""Fitting: losses, schedules, and the loop that trains a network, stops, resumes and remembers."""
