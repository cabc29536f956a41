"""Two trees of files: walk them, match their names, and hint at the options that would match more."""
