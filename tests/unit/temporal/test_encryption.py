"""Payloads as Temporal keeps them: what each process can open, with which keys."""

from __future__ import annotations

import base64
import os

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure

from gilfoyle.config import EncryptionKey
from gilfoyle.errors import EncryptionKeyMissing
from gilfoyle.temporal.encryption import DISPENSABLE, Encryption, data_converter

OLD, NEW = EncryptionKey("2025", os.urandom(32)), EncryptionKey("2026", os.urandom(32))
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"The Orchid Affair"')


async def test_the_first_key_encrypts_and_all_decrypt() -> None:
    [sealed] = await Encryption([NEW, OLD]).encode([PLAIN])
    assert b"Orchid" not in sealed.SerializeToString() and b"json/plain" not in sealed.SerializeToString()
    assert await Encryption([OLD, NEW]).decode([sealed]) == [PLAIN]


async def test_no_payload_is_sealed_alike_twice() -> None:
    codec = Encryption([NEW])
    assert len({each.data for each in await codec.encode([PLAIN] * 20)}) == 20


async def test_without_a_key_nothing_is_changed() -> None:
    assert await Encryption([]).encode([PLAIN]) == [PLAIN]


@pytest.mark.parametrize("keys", [[], [NEW]])
async def test_what_was_never_encrypted_is_read(keys: list[EncryptionKey]) -> None:
    assert await Encryption(keys).decode([PLAIN]) == [PLAIN]


@pytest.mark.parametrize(
    "keys", [[], [OLD], [EncryptionKey("2026", os.urandom(32))]], ids=["none", "another", "another of that id"]
)
async def test_a_key_that_is_missing_is_a_sentence(keys: list[EncryptionKey], caplog: pytest.LogCaptureFixture) -> None:
    codec = Encryption(keys)
    [sealed] = await Encryption([NEW]).encode([PLAIN])
    for _ in range(3):
        with pytest.raises(EncryptionKeyMissing, match="the encryption key 2026") as raised:
            await codec.decode([sealed])
    assert raised.value.retryable
    assert [record.levelname for record in caplog.records] == ["ERROR"], "once, not each time"


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 64])
async def test_what_was_changed_on_its_way_is_not_opened(data: bytes) -> None:
    [sealed] = await Encryption([NEW]).encode([PLAIN])
    with pytest.raises(EncryptionKeyMissing, match="or changed"):
        await Encryption([NEW]).decode([Payload(metadata=sealed.metadata, data=data)])


async def test_an_id_is_sealed_with_the_rest() -> None:
    twin = EncryptionKey("twin", NEW.secret)
    [sealed] = await Encryption([NEW]).encode([PLAIN])
    sealed.metadata["encryption-key-id"] = b"twin"
    with pytest.raises(EncryptionKeyMissing):
        await Encryption([twin]).decode([sealed])


async def test_what_is_dispensable_is_null_without_its_key() -> None:
    """A heartbeat's details: the SDK ends an activity for good that can't read them."""
    marked = Payload(metadata={**PLAIN.metadata, DISPENSABLE: b"1"}, data=PLAIN.data)
    [sealed] = await Encryption([NEW]).encode([marked])
    assert await data_converter([OLD]).decode([sealed]) == [None]
    assert await data_converter([NEW]).decode([sealed]) == ["The Orchid Affair"]


async def test_a_failure_s_message_is_encrypted_too() -> None:
    failure = Failure()
    await data_converter([NEW]).encode_failure(RuntimeError("The Orchid Affair can't be read"), failure)
    assert b"Orchid" not in failure.SerializeToString()
    assert "Orchid" in str(await data_converter([OLD, NEW]).decode_failure(failure))


def test_a_key_is_not_shown() -> None:
    assert base64.b64encode(NEW.secret).decode() not in repr(NEW) and repr(NEW.secret) not in repr(NEW)
