"""The commands: each adds its parser, and says what it does."""
