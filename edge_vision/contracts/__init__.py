"""Floor 1, promises: what a source, a stage, a sink, a model and a plugin must keep."""
