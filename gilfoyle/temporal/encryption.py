"""What Temporal keeps of the work, encrypted before it leaves this process.

AES-256-GCM (NIST SP 800-38D), with 96 random bits as the nonce of each payload. That is good for 2^32 payloads of one
key (8.3 there), which is tens of millions of medias.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from gilfoyle.config import EncryptionKey
from gilfoyle.errors import EncryptionKeyMissing

log = logging.getLogger(__name__)

ENCODING = b"binary/encrypted"
"""What Temporal's samples call it; `encoding` in a payload's metadata."""
KEY_ID = "encryption-key-id"
DISPENSABLE = "gilfoyle-dispensable"
"""Metadata of a payload without which the work goes on: one that can't be decrypted is null."""
_NONCE_BYTES = 12
_NULL = Payload(metadata={"encoding": b"json/plain"}, data=b"null")
# A worker without a key meets it again and again.
_TELL_EVERY_S = 60.0


def data_converter(keys: Sequence[EncryptionKey]) -> DataConverter:
    """How values become what Temporal keeps. The first key encrypts, all decrypt; without keys nothing is encrypted.

    What is not encrypted can always be read, so histories from before the first key go on.
    """
    converter = dataclasses.replace(pydantic_data_converter, payload_codec=Encryption(keys))
    if keys:
        # Messages and stack traces of failures too, which else lie beside the payloads.
        failures = DefaultFailureConverterWithEncodedAttributes
        converter = dataclasses.replace(converter, failure_converter_class=failures)
    return converter


class Encryption(PayloadCodec):
    """Decoding raises EncryptionKeyMissing, which Temporal answers by a retry, and logs it once a minute.

    Of a workflow the task is tried again, of an activity the attempt: whatever is under way waits for the key.
    """

    def __init__(self, keys: Sequence[EncryptionKey]) -> None:
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        self._first = keys[0].id if keys else None
        self._told: dict[str, float] = {}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        if self._first is None:
            return list(payloads)
        return [self._encrypted(payload, self._first) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            self._decrypted(payload) if payload.metadata.get("encoding") == ENCODING else payload
            for payload in payloads
        ]

    def _encrypted(self, payload: Payload, key_id: str) -> Payload:
        nonce, name = os.urandom(_NONCE_BYTES), key_id.encode()
        sealed = self._ciphers[key_id].encrypt(nonce, payload.SerializeToString(), name)
        metadata = {"encoding": ENCODING, KEY_ID: name}
        if DISPENSABLE in payload.metadata:
            metadata[DISPENSABLE] = payload.metadata[DISPENSABLE]
        return Payload(metadata=metadata, data=nonce + sealed)

    def _decrypted(self, payload: Payload) -> Payload:
        name = payload.metadata.get(KEY_ID, b"")
        key_id = name.decode(errors="replace")
        cipher = self._ciphers.get(key_id)
        try:
            if cipher is None:
                raise EncryptionKeyMissing(
                    f"Temporal has data that the encryption key {key_id} opens, which is not among "
                    "temporal.encryption_keys here: add it, and start this process again."
                )
            opened = cipher.decrypt(payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:], name)
            return Payload.FromString(opened)
        except (InvalidTag, ValueError) as error:  # ValueError: too short to be one
            fault = EncryptionKeyMissing(
                f"Temporal has data that the encryption key {key_id} of temporal.encryption_keys does not open: it was "
                "encrypted by another key of that id, or changed."
            )
            return self._without(payload, key_id, fault, error)
        except EncryptionKeyMissing as fault:
            return self._without(payload, key_id, fault)

    def _without(
        self, payload: Payload, key_id: str, fault: EncryptionKeyMissing, cause: Exception | None = None
    ) -> Payload:
        now = time.monotonic()
        if now - self._told.get(key_id, -_TELL_EVERY_S) >= _TELL_EVERY_S:
            self._told[key_id] = now
            log.error("%s The work waits until then.", fault.message)
        if DISPENSABLE in payload.metadata:
            return _NULL
        raise fault from cause
