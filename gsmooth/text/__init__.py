"""Output of text and numbers: spelling suggestions, safe display, and rounding outwards."""
