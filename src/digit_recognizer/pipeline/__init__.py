"""The competition around the network: data, folds, ensemble, submission and the run directory."""
