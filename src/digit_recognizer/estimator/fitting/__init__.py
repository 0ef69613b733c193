"""A fit: its solver, epochs, early stopping, callbacks."""
