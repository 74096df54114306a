"""Benchmarks: ratios measured in one run, and accuracies of certified networks.

A benchmark is a function of a ``bench_MODULE.py``. All share :mod:`benchmarks.suite`: cases (what
is measured), a trainer, a runner, and a table. ``./scripts/bench NAME`` runs one.
"""
