"""The nouns of the service: frozen values without I/O and without HTTP."""
