"""What a run writes down, how it is written, and how it is read again."""
