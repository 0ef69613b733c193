"""New images: pictures, tables and arrays in the form that a run's networks know."""
