"""What pytest must not collect here."""

from __future__ import annotations

# A package of its own, whose tests test_plugin.py runs where it is installed.
collect_ignore = ["plugin"]
