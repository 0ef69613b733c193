"""Checks of what one writes oneself: gradients against finite differences."""
