"""Numbers from tables, as pure functions."""
