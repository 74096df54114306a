"""Planning: which centres a cover has; no guarantee depends on the choice."""
