"""`bench audio`: how far from its place an audio track is, by rate, container and length."""
