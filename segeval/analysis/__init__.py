"""What a report or several say beyond their scores: pure functions of runs and reports."""
