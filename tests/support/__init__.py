"""What tests share: the command line, folders, runs, reports."""
