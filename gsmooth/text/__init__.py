"""Words and numbers as people read them: suggestions, foreign text, figures rounded outwards."""
