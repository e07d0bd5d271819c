"""Columns: header and cell to column and value. Pure."""
