"""Which seed a run has, and the file of a secret one."""
