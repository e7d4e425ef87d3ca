"""What a fleet that grows and shrinks costs, and how soon films play on it: `python -m bench elastic`."""
