from __future__ import annotations

import pytest

from gilfoyle.ingest.parameters import parameters


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("form-data", {}),
        ('form-data; name="a"', {"name": "a"}),
        ("form-data;NAME = a ;x=", {"name": "a", "x": ""}),
        ('form-data; name="a;b=c"; x="\\"q\\""', {"name": "a;b=c", "x": '"q"'}),
        ('x; a="C:\\films\\f.mp4"', {"a": "C:\\films\\f.mp4"}),
        ('x; a="one"; a="two"', {"a": "one"}),
        ('x; a="open; b=1', {"a": '"open', "b": "1"}),
        ("x; a*=UTF-8'en'%e2%82%ac%20x", {"a": "€ x"}),
        ("x; a*=iso-8859-1'en'%A3%20x; a=plain", {"a": "£ x"}),
        ("x; a=plain; a*=UTF-8''%C3%A9", {"a": "é"}),
        ("x; a*=nonsense''%C3%A9", {"a": "é"}),
        ("x; a*=%C3%A9", {"a": "é"}),
        ("x; a*=utf-8''; a=plain", {"a": "plain"}),
        ("x; a*=utf-8''%ff", {"a": "\ufffd"}),
        ("x; a*0*=UTF-8''%C3%A9-; a*1=1%20; a*2*=%E2%82%AC", {"a": "é-1%20€"}),
        ("x; a*0=one; a*1=two; a*3=four", {"a": "onetwo"}),
        ("x; a*1=two", {"a": ""}),
        ("x; a=n\u00efv", {"a": "nïv"}),
    ],
)
def test_parameters(header: str, found: dict[str, str]) -> None:
    assert parameters(header.encode()) == found


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert parameters(b"x; a=\xff") == {"a": "\ufffd"}


@pytest.mark.parametrize("header", [b";" * 9000, b'; a="' + b"\\" * 9000, b"; a=" * 3000, b'; a="' * 3000])
def test_nonsense_takes_no_time_to_speak_of(header: bytes) -> None:
    assert len(parameters(header)) < 3001
