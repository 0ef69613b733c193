"""Batches of rows in groups, which several processes may share."""
