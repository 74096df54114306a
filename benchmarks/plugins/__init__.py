"""Certified beside attacked accuracy for every first-party plugin."""
