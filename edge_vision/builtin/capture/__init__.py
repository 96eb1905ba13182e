"""Capture with OpenCV: streams, devices, recordings and folders of pictures."""
