"""Whether short uploads suffer from a long one: `python -m bench fair`."""
