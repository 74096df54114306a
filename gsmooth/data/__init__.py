"""From files and arrays of any kind to a checked Dataset; whatever goes wrong is an InputError."""
