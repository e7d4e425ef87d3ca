"""What happens to the bytes of an upload, whatever brings them: limits, lease, checksum, acceptance in the catalog."""

from __future__ import annotations

from gilfoyle.ingest.acceptance import Ingest
from gilfoyle.ingest.attaching import Attaching
from gilfoyle.ingest.direct import DirectIngest, DirectParts
from gilfoyle.ingest.form import FORM_BYTES, FormFile
from gilfoyle.ingest.plain import PlainFile
from gilfoyle.ingest.receive import Incoming
from gilfoyle.ingest.resume import Arrived
from gilfoyle.ingest.sessions import SessionIngest

__all__ = [
    "FORM_BYTES",
    "Arrived",
    "Attaching",
    "DirectIngest",
    "DirectParts",
    "FormFile",
    "Incoming",
    "Ingest",
    "PlainFile",
    "SessionIngest",
]
