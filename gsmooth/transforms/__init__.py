"""Transformations: what a plugin says, how it is found and built, and several as one."""
