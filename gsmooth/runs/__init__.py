"""Runs: from a run file to records, and what is derived from records."""
