"""The progress of a run, and the notices that it prints."""
