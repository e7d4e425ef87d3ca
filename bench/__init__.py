"""Measures Gilfoyle: `python -m bench`, a command for each measurement. docs/benchmarks.md tells how to read them."""
