"""`gilfoyle sign`: a playback token, as a back end would sign one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from gilfoyle.errors import InvalidRequest


def command(
    playback_id: Annotated[str, typer.Argument(metavar="ID", help="The signed playback id.")],
    kid: Annotated[str, typer.Option("--kid", metavar="ID", help="The signing key's id.")],
    key: Annotated[Path, typer.Option("--key", help="File with its private key (PEM) or, of HS256, its secret.")],
    minutes: Annotated[float, typer.Option("--minutes", min=0, max=50_000_000, help="How long it plays.")] = 60,
    ip: Annotated[list[str] | None, typer.Option("--ip", help="From this address or network only.")] = None,
    referrer: Annotated[list[str] | None, typer.Option("--referrer", help="In pages of this host only.")] = None,
) -> None:
    """Sign a token to play a signed playback id with. Asks no server. Prints the token."""
    import jwt

    claims: dict[str, Any] = {"sub": playback_id, "exp": int(time.time() + minutes * 60)}
    claims |= {name: value for name, value in (("ip", ip), ("referrer", referrer)) if value}
    signing, algorithm = _read(key)
    typer.echo(jwt.encode(claims, signing, algorithm, headers={"kid": kid}))


def _read(file: Path) -> tuple[Any, str]:
    """What is signed with, and how. Raises InvalidRequest."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        content = file.read_bytes().strip()
        if not content.startswith(b"-----BEGIN"):
            if len(content) < 32:
                raise InvalidRequest(f"{file} holds neither a private key (PEM) nor a secret of 32 characters or more.")
            return content, "HS256"
        key = load_pem_private_key(content, None)
    except OSError as error:
        raise InvalidRequest(f"{file} can't be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidRequest(f"{file} is not a private key in PEM without a password.") from error
    if isinstance(key, RSAPrivateKey):
        return key, "RS256"
    if isinstance(key, Ed25519PrivateKey):
        return key, "EdDSA"
    raise InvalidRequest(f"The key in {file} is neither RSA nor Ed25519.")
