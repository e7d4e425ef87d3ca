"""What receiving an upload costs, beside nginx's PUT: `python -m bench uploads`."""
