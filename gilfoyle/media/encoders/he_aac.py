"""HE-AAC by Fraunhofer's library, where an ffmpeg was built with it: speech and music in 24 to 64 kbit/s."""

from __future__ import annotations

from gilfoyle.media.encoders import esds
from gilfoyle.media.encoders.base import AudioEncoder

# Two of AAC-LC's frames, of half the rate. The delay is what its encoder says, and what was measured with ffmpeg's
# decoder: two frames, and 962 samples of the filters that make the upper half of the spectrum.
_FRAME, _DELAY = 2048, 5058

HE_AAC = AudioEncoder("he-aac", "libfdk_aac", b"mp4a", b"esds", _FRAME, _DELAY, {"profile:a": "aac_he"}, esds.describe)
