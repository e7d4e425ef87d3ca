"""Measures Gilfoyle: `python -m bench`, one command for each measurement. See docs/benchmarks.md on how to read them."""
