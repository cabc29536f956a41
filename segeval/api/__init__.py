"""What the commands do, as functions, and the report that they return."""
