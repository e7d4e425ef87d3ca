"""`bench storage`: what each storage backend does in a second, against the bare tool for the same job."""
