"""Sentences that say why an image was certified or not, from its record alone."""
