"""Floor 2, the engine: mailbox, ordered turns, workers, cameras. Knows no OpenCV, LiteRT or MQTT."""
