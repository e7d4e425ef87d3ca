"""`gilfoyle-linux-…`: Gilfoyle, its Python and all programs that it runs, in one file. `python -m onefile build`."""
