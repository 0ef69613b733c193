"""Estimators, and the states of a training, as files."""
