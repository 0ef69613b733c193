"""What one looks at: the report of a run, and displays for notebooks."""
