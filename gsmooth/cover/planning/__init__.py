"""Planning: which centres a cover has; no guarantee rests on the choice."""
