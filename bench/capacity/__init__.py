"""What many workers ask of Temporal, PostgreSQL and the storage: `python -m bench capacity`."""
