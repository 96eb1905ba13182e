"""The recipe `remember`: an autoencoder of one's own camera's usual scene. It ships no model."""
