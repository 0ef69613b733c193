"""The page to draw on: the networks of a run in one HTML file, computed by its own script."""
