"""Small trained networks that come with gsmooth, each with a card (NAME.toml, NAME.pt)."""
