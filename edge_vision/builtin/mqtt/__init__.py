"""The MQTT sink: one connection, what waits for it, and the commands that come over it."""
