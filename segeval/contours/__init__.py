"""Contours of label arrays: regions, bands, borders, and how near two borders are; numpy only."""
