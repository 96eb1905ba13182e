"""The model `room-actions`: what somebody does in a room that a camera looks down into, over time."""
