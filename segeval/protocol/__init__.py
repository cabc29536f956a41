"""All that changes a number, and the line that says it."""
