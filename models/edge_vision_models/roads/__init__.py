"""The model `roads`: what each place of a street is, seen from a car."""
