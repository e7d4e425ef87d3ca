"""`python -m gilfoyle` is `gilfoyle`."""

from gilfoyle.cli import main

main()
