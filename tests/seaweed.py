"""The tests' real S3 service: the benchmark's."""

from __future__ import annotations

from bench.servers.seaweed import Seaweed, seaweed

__all__ = ["Seaweed", "seaweed"]
