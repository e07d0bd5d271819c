"""A window's way to a validated file, many at a time."""
