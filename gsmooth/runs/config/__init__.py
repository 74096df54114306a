"""Run files, flags and model cards become one checked ``RunConfig``."""
