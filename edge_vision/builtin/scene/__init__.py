"""The drawn scene: a camera for which every true box is known."""
