"""X, y and weights as users give them, checked and encoded."""
