"""Benchmarks: ratios measured in one run, and accuracies of certified networks.

A benchmark is a module ``bench_NAME.py``. All of them share :mod:`benchmarks.suite`: cases (what is
measured), a trainer, a runner, and a table. ``./scripts/bench NAME`` runs one.
"""
