"""Files that tests read, and what makes them."""
