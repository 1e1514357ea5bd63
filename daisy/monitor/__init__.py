"""Watching models: one that trains, all in a table, one in full, its log."""
