"""An estimator's parameters to layers, optimizer, schedule; weights given by hand."""
