"""TFLite models: their files read, checked and tried in a child process, and the runtime behind."""
