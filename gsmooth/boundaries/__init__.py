"""Guards around users' code, files and memory, which turn failures into errors of gsmooth."""
