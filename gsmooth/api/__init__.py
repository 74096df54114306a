"""The Python API, one module a verb: certify, predict, attack, train, verify, and their results."""
