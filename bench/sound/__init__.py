"""`bench sound`: how far from its place a sound is, by rate, container and length."""
