"""How much faster two workers are than one: `python -m bench scale`."""
