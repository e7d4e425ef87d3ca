"""`gilfoyle api`: the HTTP API alone, for a cluster."""

from __future__ import annotations

from gilfoyle.cli.options import ConfigOption


def command(config: ConfigOption = None) -> None:
    """Serve the HTTP API, on your own PostgreSQL, Temporal and storage. For a cluster."""
    from gilfoyle.config import load

    settings = load(config)
    from gilfoyle.api.app import serve

    serve(settings)
