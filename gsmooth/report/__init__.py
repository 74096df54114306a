"""Records to tables, curves and pictures. Nothing here casts a vote."""
