"""Random search for failures (``./scripts/fuzz``): what the tests of every day do not try.

A part is a function from a seed to a word that says what came of it; whatever it raises is a
finding. The same part and seed try the same thing again.
"""
