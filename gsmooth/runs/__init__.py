"""The outside world: run files, datasets, models, records and the loop that joins them."""
