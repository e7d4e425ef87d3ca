"""Chaos in a stack of deploy/compose.yaml that runs."""
