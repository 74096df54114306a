"""How far a run is, and what its user is told on the way."""
