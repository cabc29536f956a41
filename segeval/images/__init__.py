"""Files to arrays of integers or floats, exactly, or a refusal."""
