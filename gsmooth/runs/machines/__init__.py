"""A run on several machines: shards and their merge, and workers that are given leases."""
