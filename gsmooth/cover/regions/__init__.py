"""Shapes in the space of parameters: grids over a region, smallest balls, arcs, one-sided noise."""
