"""What an upload may be: the demuxers that may open it, by ffmpeg's names.

Each of them reads one file and no other. No playlists, no concat, no scripts, no devices, nothing that makes names of
patterns (`image2`), no drawings that refer to others (`svg_pipe`): an upload must not make the server read another file
or URL. A name that an older ffmpeg doesn't know is ignored by it.
"""

from __future__ import annotations

CONTAINERS = (
    "mov", "matroska", "mpegts", "mpeg", "avi", "flv", "live_flv", "asf", "mxf", "ogg", "rm", "nut", "dv", "ivf",
    # Recorders, of television, of broadcasters and of cameras that watch a place.
    "wtv", "pva", "ty", "nuv", "gxf", "lxf", "dhav", "mpjpeg",
)  # fmt: skip
AUDIO = (
    "wav", "w64", "aiff", "caf", "au", "voc", "flac", "wv", "tta", "ape", "tak", "shn", "mp3", "aac", "loas", "ac3",
    "eac3", "dts", "dtshd", "truehd", "mlp", "amr", "mpc", "mpc8", "oma", "dsf",
    "iff",  # DSDIFF
)  # fmt: skip
RAW_VIDEO = ("h264", "hevc", "vvc", "obu", "m4v", "mpegvideo", "vc1", "dirac", "cavsvideo", "yuv4mpegpipe")
IMAGES = (
    "gif", "apng", "webp_anim", "png_pipe", "jpeg_pipe", "mjpeg", "webp_pipe", "bmp_pipe", "tiff_pipe",
)  # fmt: skip
"""Images, whether they move or not, in files of their own. Several JPEGs in one file may have either of two names."""

FORMATS = (*CONTAINERS, *AUDIO, *RAW_VIDEO, *IMAGES)
