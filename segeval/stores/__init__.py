"""Masks in stores: what a URL names, which files lie below it, and their bytes, many at a time."""
