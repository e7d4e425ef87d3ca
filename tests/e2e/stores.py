"""What servers of these tests are told of a store, and what lies in it."""

from __future__ import annotations

from gilfoyle.storage.s3.once import TRIAL
from tests.kubo_node import KuboNode
from tests.seaweed import Seaweed


def s3_variables(store: Seaweed, prefix: str, **more: str) -> dict[str, str]:
    """As environment variables: the bucket, below a prefix of the server's own."""
    settings = {
        "driver": "s3",
        "s3__endpoint": store.endpoint,
        "s3__bucket": store.bucket,
        "s3__prefix": prefix,
        "s3__access_key_id": store.access_key,
        "s3__secret_access_key": store.secret_key,
    }
    return _variables(settings | more)


def ipfs_variables(node: KuboNode, **more: str) -> dict[str, str]:
    """As environment variables: the node, in a folder of its MFS."""
    return _variables({"driver": "ipfs", "ipfs__api": node.api} | more)


def objects(store: Seaweed, prefix: str) -> list[str]:
    """The keys in the bucket below a prefix, without it; but for the one object that is no media's and stays."""
    pages = store.client().get_paginator("list_objects_v2").paginate(Bucket=store.bucket, Prefix=f"{prefix}/")
    keys = [item["Key"].removeprefix(f"{prefix}/") for page in pages for item in page.get("Contents", [])]
    return [key for key in keys if key != TRIAL]


def uploads(store: Seaweed, prefix: str) -> list[str]:
    """The keys of multipart uploads that have not ended."""
    found = store.client().list_multipart_uploads(Bucket=store.bucket, Prefix=f"{prefix}/")
    return [upload["Key"] for upload in found.get("Uploads", [])]


def _variables(settings: dict[str, str]) -> dict[str, str]:
    return {f"GILFOYLE_STORAGE__{name.upper()}": value for name, value in settings.items()}
