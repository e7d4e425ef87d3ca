"""How soon a media plays, and whether it then plays on: `python -m bench play`."""
