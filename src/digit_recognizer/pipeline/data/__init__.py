"""The competition's data: its files, what they hold, and what is wrong with them."""
