"""What a quality target saves against a fixed bit rate: `python -m bench saving`."""
