"""The client for threads. `waiting.py` is written by hand; the others are made of `asynchronous` by `make client`."""
