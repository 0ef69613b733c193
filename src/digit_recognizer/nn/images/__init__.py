"""Layers on images, and how a batch of images passes through them in pieces."""

import digit_recognizer.nn.images.stage  # noqa: F401 - runs the layers of all other files here
