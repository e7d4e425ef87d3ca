"""Dolby Vision: a base layer that any decoder shows, or one that only Dolby's can.

The numbers are those of Dolby's "Dolby Vision Profiles and Levels" 1.4, as the container's configuration record holds
them (`dvcC`, `dvvC`, `dvwC`; a descriptor in MPEG-TS).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gilfoyle.errors import UnsupportedMedia

# Signal compatibility of the base layer → its transfer: HDR10, SDR, HLG, and the HDR10 of Ultra HD Blu-ray.
_TRANSFERS = {1: "smpte2084", 2: "bt709", 4: "arib-std-b67", 6: "smpte2084"}
# Profiles whose compatibility is fixed: their records may be older than the field that tells it.
_FIXED = {0: 2, 1: 0, 2: 2, 3: 0, 4: 2, 5: 0, 6: 1, 7: 6, 9: 2}


def check_base_layer(stream: Mapping[str, Any]) -> None:
    """Refuse a video stream that has no base layer for others' decoders. Raises UnsupportedMedia.

    It would decode all the same, in green and violet: its colour space (IPT-PQ-c2) is Dolby's own.
    """
    profile = _profile(stream)
    if profile is not None and not _compatibility(stream):
        raise UnsupportedMedia(
            f"The video is Dolby Vision of profile {profile}, without a base layer that others than Dolby's decoders "
            "can show. Export it as HDR10, HLG or SDR, or as Dolby Vision of profile 8, and upload that.",
            code="dolby_vision",
        )


def base_transfer(stream: Mapping[str, Any]) -> str | None:
    """The transfer of the base layer, by the record; None if the stream is not Dolby Vision."""
    return _TRANSFERS.get(_compatibility(stream))


def _compatibility(stream: Mapping[str, Any]) -> int:
    """Of the base layer; 0: with nothing, or no Dolby Vision."""
    profile = _profile(stream)
    if profile in _FIXED:
        return _FIXED[profile]
    return int(_record(stream).get("dv_bl_signal_compatibility_id") or 0)


def _profile(stream: Mapping[str, Any]) -> int | None:
    profile = _record(stream).get("dv_profile")
    return None if profile is None else int(profile)


def _record(stream: Mapping[str, Any]) -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = [
        data for data in stream.get("side_data_list", []) if data.get("side_data_type") == "DOVI configuration record"
    ]
    return found[0] if found else {}
