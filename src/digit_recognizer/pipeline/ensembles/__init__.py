"""Folds, and one prediction from the networks of all of them."""
