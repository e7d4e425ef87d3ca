"""One authority for the cluster, one certificate for its servers, and one by which the API server passes callers on."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from gilfoyle.errors import StartupError

_CONFIG = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""
_NAMES = ("localhost", "kubernetes.default.svc", "keda-operator.keda.svc", "keda-metrics-apiserver.keda.svc")
PROXY = "front-proxy"
"""The name by which the API server calls KEDA's adapter for others."""


@dataclass(frozen=True)
class Certificates:
    """Files in one folder, named as KEDA expects them: `ca.crt`, `tls.crt`, `tls.key`."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    @property
    def proxy(self) -> tuple[Path, Path]:
        """Certificate and key of the API server as a caller of KEDA's adapter."""
        return self.folder / f"{PROXY}.crt", self.folder / f"{PROXY}.key"


def make(folder: Path) -> Certificates:
    """Into `folder`, which is made; good for two days. Raises StartupError without OpenSSL 3."""
    folder.mkdir()
    names = ", ".join([*(f"DNS:{name}" for name in _NAMES), "IP:127.0.0.1"])
    (folder / "openssl.cnf").write_text(_CONFIG.format(names=names))
    _make(folder, "ca", "authority", "gilfoyle-bench")
    for file, name in (("tls", "localhost"), (PROXY, PROXY)):
        _make(folder, file, "leaf", name, "-CA", "ca.crt", "-CAkey", "ca.key")
    return Certificates(folder)


def _make(folder: Path, file: str, extensions: str, name: str, *more: str) -> None:
    command = [
        "openssl", "req", "-x509", "-config", "openssl.cnf", "-extensions", extensions, "-days", "2",
        "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", f"/CN={name}", "-keyout", f"{file}.key", "-out", f"{file}.crt", *more,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise StartupError("There is no openssl.") from error
    if done.returncode:
        raise StartupError(f"openssl can't make {file}.crt: {done.stderr.strip()}")
