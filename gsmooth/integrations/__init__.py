"""Adapters to other frameworks, a module each; each is imported by its user, and needs its extra.

``torchmetrics`` and ``lightning``: certified accuracy as a metric and as a callback. ``art``: the
Adversarial Robustness Toolbox, both ways. ``maite``: models, data sets and metrics of JATIC.
``mlflow``: what a run found, in a tracking server.
"""
