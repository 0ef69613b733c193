"""Where and how the networks of a run are trained."""
