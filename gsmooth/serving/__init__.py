"""Serving: answers of g for many callers at once, in a process, for files and over HTTP."""
