"""How well many slots are used, with encoders that only wait: `python -m bench fleet`."""
