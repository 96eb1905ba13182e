"""Export: from a trained Keras graph to the .tflite files that the daemon runs."""
