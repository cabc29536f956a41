"""Scores in a training loop: arrays counted batch by batch, with the command line's labeling, scores and errors."""
