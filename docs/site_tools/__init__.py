"""What ``docs/conf.py`` adds to Sphinx: generated reference pages, and checks of the result."""
