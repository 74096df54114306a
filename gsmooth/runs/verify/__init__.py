"""What follows from the records of a run without its network."""
