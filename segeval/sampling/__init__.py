"""Images as samples: resampling, intervals and significance; pure functions of tallies."""
