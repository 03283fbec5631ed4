"""Filters: what becomes of dictated text before it is put out. One filter a file; `chain` puts them together."""
