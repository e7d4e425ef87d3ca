from __future__ import annotations

import time
from pathlib import Path

import jwt
import pytest
from click.testing import Result
from typer.testing import CliRunner

from gilfoyle.api import key_pairs
from gilfoyle.catalog.signing import Algorithm
from gilfoyle.cli import app
from gilfoyle.errors import InvalidRequest


def sign(file: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["sign", "film", "--kid", "k1", "--key", str(file), *options])


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_a_key_that_the_api_made_signs(tmp_path: Path, algorithm: Algorithm) -> None:
    pair, file = key_pairs.make(algorithm), tmp_path / "key"
    file.write_text(f"{pair.private_key or pair.secret}\n")
    token = sign(file, "--minutes", "120", "--ip", "10.0.0.0/8", "--ip", "::1").stdout.strip()
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": "k1", "typ": "JWT"}
    claims = jwt.decode(token, pair.public_key or pair.secret or "", algorithms=[algorithm])
    assert claims.pop("exp") == pytest.approx(time.time() + 7200, abs=60)
    assert claims == {"sub": "film", "ip": ["10.0.0.0/8", "::1"]}


@pytest.mark.parametrize("content", ["", "short", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", None])
def test_what_is_no_key_is_said_to_be_none(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    assert isinstance(sign(file).exception, InvalidRequest)
