"""Numbers as a network holds them: rows of data, parameters, what a layer remembers, products."""
