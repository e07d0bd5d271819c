"""One export file on disk: validated as a whole, then read as typed records."""
