"""The HTTP API. `app` is its composition root: `create_app` makes it, `serve` runs it as a process."""
