"""Pairs to rows."""
