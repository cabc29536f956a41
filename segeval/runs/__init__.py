"""Rows, runs, and the files that hold them."""
