"""Pixels counted."""
