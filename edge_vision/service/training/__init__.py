"""Training for a person: recipes by name, the run's folder, the bundle that comes out of it."""
