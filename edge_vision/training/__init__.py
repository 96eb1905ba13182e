"""Training: recipes, export, quantisation, and how well a model does."""
