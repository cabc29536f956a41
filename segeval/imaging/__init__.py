"""What image files hold: header and samples of each format, checked here before anything is decoded."""
