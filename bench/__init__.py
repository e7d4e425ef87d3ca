"""Measures Gilfoyle: `python -m bench encode` and `storage`. See docs/benchmarks.md on what and how to read it."""
