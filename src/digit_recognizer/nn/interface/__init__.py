"""What people pass in and see: checks of arguments, and parts shown as calls and tables."""
