"""What many uploads at once and very long medias cost: `python -m bench limits`."""
