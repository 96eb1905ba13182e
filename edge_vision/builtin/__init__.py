"""Floor 2, what any plugin could be: OpenCV capture, the drawn scene, LiteRT, MQTT, JSON lines."""
