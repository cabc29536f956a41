"""Masks in the place of folders: archives read in place, and stores behind URLs, read many files at a time."""
