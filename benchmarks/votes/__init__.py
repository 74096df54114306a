"""Stopping rules for "is p > share?", ours and others', exactly and on streams of votes."""
