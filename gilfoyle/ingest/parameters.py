"""Parameters of a header such as `form-data; name="file"; filename*=UTF-8''na%C3%AFve.mp4`."""

from __future__ import annotations

import re
from itertools import count
from urllib.parse import unquote_to_bytes

_PARAMETER = re.compile(rb';[ \t]*([^=;\s"]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;]*)')
# Not all that Python has: some of its codecs are slow or no charsets at all.
_CHARSET = re.compile(
    r"utf-?8|us-ascii|iso-8859-\d+|latin-?1|windows-\d+|cp\d+|koi8-[ru]|gb2312|gbk|gb18030|big5|shift_jis|euc-(jp|kr)"
    r"|iso-2022-(jp|kr)",
    re.IGNORECASE,
)


def parameters(header: bytes) -> dict[str, str]:
    """The parameters by name, in small letters, the first of each.

    A value in RFC 8187's extended form (`filename*=`), also in RFC 2231's pieces (`filename*0=`), stands under the
    plain name and before the plain value: whoever sends both means the plain one for servers that know no better.
    """
    found: dict[bytes, bytes] = {}
    for name, value in _PARAMETER.findall(header):
        found.setdefault(name.lower(), _unquoted(value.strip(b" \t")))
    names = {name.partition(b"*")[0] for name in found}
    return {name.decode("latin-1"): _value(name, found) for name in names}


def decoded(data: bytes, charset: str) -> str:
    """What the bytes mean; what they can't mean becomes U+FFFD. UTF-8 in place of a charset that is not known."""
    try:
        return data.decode(charset if _CHARSET.fullmatch(charset) else "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _value(name: bytes, found: dict[bytes, bytes]) -> str:
    charset, data = "utf-8", b""
    for number in count():
        piece = found.get(b"%b*%d*" % (name, number), found.get(name + b"*") if number == 0 else None)
        if piece is not None:
            if number == 0 and piece.count(b"'") >= 2:
                named, _language, piece = piece.split(b"'", 2)
                charset = named.decode("latin-1")
            data += unquote_to_bytes(piece)
        elif (piece := found.get(b"%b*%d" % (name, number))) is not None:
            data += piece
        else:
            break
    return decoded(data or found.get(name, b""), charset)


def _unquoted(value: bytes) -> bytes:
    """Of RFC 9110's quoted pairs only these two: a backslash before anything else is part of a path of Windows."""
    if len(value) >= 2 and value[:1] == value[-1:] == b'"':
        return value[1:-1].replace(b"\\\\", b"\\").replace(b'\\"', b'"')
    return value
