"""What all benchmarks share: case -> train -> accuracy or works -> table and results."""
