"""The `storage` part of the settings: which backend keeps the objects, and what each backend needs to know."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr

from gilfoyle.config.section import Section

_URL = r"^(https?://\S+[^/\s])?$"


class FilesystemSettings(Section):
    path: Path = Field(Path("data/media"), description="folder of the objects; shared by API and workers")


class S3Settings(Section):
    bucket: str = Field("", max_length=63, description="the bucket; it must exist")
    prefix: str = Field(
        "",
        pattern=r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$",
        description="folder in the bucket under which everything lies; empty: the bucket's root",
    )
    endpoint: str = Field("", pattern=_URL, description="URL of the service; empty: AWS")
    region: str = Field("", description="the region; empty: from AWS's own chain, else us-east-1")
    addressing: Literal["auto", "path", "virtual"] = Field(
        "auto", description="where the bucket's name goes: in the path or the host; auto: path if there is an endpoint"
    )
    access_key_id: str = Field("", description="empty: credentials from AWS's own chain (environment, profile, role)")
    secret_access_key: SecretStr = Field(SecretStr(""), description="belongs to `access_key_id`")
    session_token: SecretStr = Field(SecretStr(""), description="belongs to temporary credentials")
    sse: Literal["", "AES256", "aws:kms"] = Field("", description="server-side encryption that each write asks for")
    sse_kms_key_id: str = Field("", description="the KMS key, with `aws:kms`; empty: the account's own")
    serve: Literal["proxy", "redirect"] = Field(
        "proxy", description="how players get segments: through the API, or by a redirect to the bucket or CDN"
    )
    public_url: str = Field(
        "", pattern=_URL, description="redirect to this address (a CDN over `prefix`); empty: to presigned URLs"
    )
    player_endpoint: str = Field(
        "",
        pattern=_URL,
        description="the service's URL as players and uploading pages reach it, for presigned URLs; empty: `endpoint`",
    )
    presign_s: int = Field(
        3600,
        ge=60,
        le=604800,
        description="how long a presigned URL of a player or an uploading page is valid (seconds)",
    )
    part_mb: int = Field(
        16, ge=5, le=1024, description="part size of a large object, in MiB; an upload holds up to four in memory"
    )
    upload_memory_mb: int = Field(
        192, ge=10, le=1 << 20, description="what all uploads of a process may hold in memory, in MiB; others wait"
    )
    connections: int = Field(32, ge=1, le=500, description="requests each process has in flight at most")
    timeout_s: float = Field(20, ge=1, le=600, description="a connection silent this long is given up (seconds)")
    patience_s: float = Field(
        45, ge=0, le=600, description="how long a request that failed is repeated before its step fails (seconds)"
    )


class IpfsSettings(Section):
    api: str = Field("http://127.0.0.1:5001", pattern=_URL, description="the Kubo node's RPC API; never expose it")
    folder: str = Field(
        "/gilfoyle", pattern=r"^(/[A-Za-z0-9._-]+)+$", description="folder of the node's MFS that holds the medias"
    )
    public_gateway: str = Field(
        "", pattern=_URL, description="redirect players to this gateway; empty: the API streams segments"
    )
    connections: int = Field(16, ge=1, le=500, description="requests each process has in flight at most")
    timeout_s: float = Field(20, ge=1, le=600, description="a connection silent this long is given up (seconds)")
    patience_s: float = Field(
        45, ge=0, le=600, description="how long a request that failed is repeated before its step fails (seconds)"
    )


class SweepSettings(Section):
    every_s: int = Field(
        86400, ge=0, description="how often what no media owns is looked for and removed, in seconds; 0: never"
    )
    older_than_s: int = Field(86400, ge=60, description="what is younger is left alone (seconds)")


class StorageSettings(Section):
    driver: str = Field(
        "filesystem",
        pattern=r"^[a-z][a-z0-9_-]{0,19}$",
        description="where new medias go: filesystem, s3, ipfs, or the name of a backend from another package",
    )
    filesystem: FilesystemSettings = Field(FilesystemSettings(), description="the filesystem backend")
    s3: S3Settings = Field(S3Settings(), description="the backend for S3 and services compatible with it")
    ipfs: IpfsSettings = Field(IpfsSettings(), description="the IPFS backend")
    sweep: SweepSettings = Field(SweepSettings(), description="removing what no media owns")
    replaced_keep_s: int = Field(
        86400,
        ge=0,
        description="how long the version before stays once a media was replaced, for who plays it (seconds)",
    )
    options: dict[str, Any] = Field({}, description="settings of a backend from another package")

    def impatient(self, patience_s: float, timeout_s: float = math.inf) -> StorageSettings:
        """The same for when a person waits: a store that fails is given up after `patience_s`.

        And a connection that is silent, after `timeout_s` at the latest.
        """
        sections = {
            name: section.model_copy(update={"patience_s": patience_s, "timeout_s": min(section.timeout_s, timeout_s)})
            for name, section in (("s3", self.s3), ("ipfs", self.ipfs))
        }
        return self.model_copy(update=sections)
