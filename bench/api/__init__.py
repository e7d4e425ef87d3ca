"""What the API costs beside a bare route and a bare query: `python -m bench api`."""
