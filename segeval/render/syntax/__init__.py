"""What a format is made of: pages, tables, rows, rules, numbers and escapes, whatever they are about."""
