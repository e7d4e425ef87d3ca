"""What serving a segment costs, beside nginx: `python -m bench serve`."""
