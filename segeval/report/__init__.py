"""From a run to its report."""
