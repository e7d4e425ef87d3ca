"""Keys with which playback tokens are signed and checked: made, or taken from their owner."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from gilfoyle.catalog.signing import Algorithm
from gilfoyle.errors import InvalidRequest

# NIST SP 800-57: 2048 bits hold until 2030 and beyond for what lives for hours. Longer keys cost each check more.
_RSA_BITS = 2048
_MOST_RSA_BITS = 4096


@dataclass(frozen=True)
class KeyPair:
    """What is signed with, and what is checked with: of HS256 both are one secret."""

    secret: str | None = None
    """Of HS256: the text itself is the key."""
    private_key: str | None = None
    public_key: str | None = None


def make(algorithm: Algorithm) -> KeyPair:
    """A new one. RSA takes a tenth of a second of a core."""
    if algorithm == Algorithm.HS256:
        return KeyPair(secret=secrets.token_urlsafe(48))
    rsa = algorithm == Algorithm.RS256
    private: RSAPrivateKey | Ed25519PrivateKey = (
        generate_private_key(65537, _RSA_BITS) if rsa else Ed25519PrivateKey.generate()
    )
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(private_key=pem.decode(), public_key=_pem(private.public_key()))


def taken(algorithm: Algorithm, public_key: str) -> KeyPair:
    """That of which only the owner has the private half. Raises InvalidRequest."""
    if algorithm == Algorithm.HS256:
        raise _wrong("belongs to RS256 or EdDSA: HS256 has one secret, which is made here")
    if "PRIVATE KEY" in public_key:
        raise _wrong("is a private key, and now known to others: make another pair, and send the public key only")
    try:
        key = load_pem_public_key(public_key.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _wrong("must be a public key as PEM: -----BEGIN PUBLIC KEY-----") from error
    if algorithm == Algorithm.RS256:
        if not isinstance(key, RSAPublicKey) or not _RSA_BITS <= key.key_size <= _MOST_RSA_BITS:
            raise _wrong(f"must be one of RSA, with {_RSA_BITS} to {_MOST_RSA_BITS} bits")
        return KeyPair(public_key=_pem(key))
    if not isinstance(key, Ed25519PublicKey):
        raise _wrong("must be one of Ed25519")
    return KeyPair(public_key=_pem(key))


def _pem(key: RSAPublicKey | Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _wrong(fault: str) -> InvalidRequest:
    return InvalidRequest(f"The public key {fault}.", fields={"public_key": fault})
