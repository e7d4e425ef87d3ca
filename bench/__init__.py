"""Measures Gilfoyle: `python -m bench encode`. See docs/benchmarks.md on what is measured and how to read it."""
