"""Where code, files and memory that are not ours come in; what fails there is one of our errors."""
