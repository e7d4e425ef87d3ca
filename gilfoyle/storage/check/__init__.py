"""Trying a storage backend with real objects, from the machine that will use it: what `gilfoyle storage check` runs.

`run.check` runs the steps of `steps.STEPS` one after another and reports each; nothing here prints.
"""

from __future__ import annotations

from gilfoyle.storage.check.results import CheckReport, Outcome, Result
from gilfoyle.storage.check.run import check
from gilfoyle.storage.check.trial import Prober

__all__ = ["CheckReport", "Outcome", "Prober", "Result", "check"]
