"""Transfer: weights kept by name, taken from earlier trainings, and networks read from .tflite files."""
