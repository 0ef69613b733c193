"""Runs on the disk: what is in their directories, and who works there."""
