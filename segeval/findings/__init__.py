"""What looks wrong in files, pairs, values and classes."""
