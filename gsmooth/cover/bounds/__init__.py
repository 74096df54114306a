"""Bounds: suprema that hold on whole cells of a region, and the margins that follow from them."""
