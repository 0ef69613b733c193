"""Recipes: the TOML files that say what a run does."""
