"""Why evaluators differ on one run."""
