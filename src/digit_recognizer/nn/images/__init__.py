"""Layers on images, and how a batch of images passes through them in pieces."""
