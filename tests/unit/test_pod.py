"""A pod tells Kubernetes whether it is idle, over TLS, with its own token."""

from __future__ import annotations

import asyncio
import datetime
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gilfoyle.metrics.passes import RUNNING_PASSES
from gilfoyle.pod import COST, Pod, keep_pod_cost


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """What Kubernetes mounts into a pod, and the server's key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "ca.crt").write_bytes(certificate.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "namespace").write_text("media\n")
    (tmp_path / "token").write_text("first\n")
    return tmp_path


class Api(http.server.ThreadingHTTPServer):
    """Takes patches as Kubernetes does."""

    def __init__(self, account: Path) -> None:
        self.asked: list[tuple[str, str, str, object]] = []
        self.status = 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PATCH(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                given = self.path, self.headers["Authorization"], self.headers["Content-Type"], body
                outer.asked.append(given)
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(account / "ca.crt", account / "key.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True)


@pytest.fixture
def api(account: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with Api(account) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
        monkeypatch.setenv("HOSTNAME", "gilfoyle-transcode-x7")
        RUNNING_PASSES.clear()
        yield server
        server.shutdown()
        thread.join()
    RUNNING_PASSES.clear()


async def asked(api: Api, number: int) -> None:
    async with asyncio.timeout(10):
        while len(api.asked) < number:
            await asyncio.sleep(0.01)


async def test_it_tells_when_it_becomes_busy_and_idle(api: Api, account: Path) -> None:
    telling = asyncio.create_task(keep_pod_cost(Pod.found(account), every_s=0.02))
    await asyncio.sleep(0.1)
    assert not api.asked  # idle pods need not say so
    RUNNING_PASSES["first"] += 1
    await asked(api, 1)
    RUNNING_PASSES["transcode"] += 1  # no busier than busy
    (account / "token").write_text("second\n")
    await asyncio.sleep(0.1)
    RUNNING_PASSES.clear()
    await asked(api, 2)
    telling.cancel()
    path, kind = "/api/v1/namespaces/media/pods/gilfoyle-transcode-x7", "application/merge-patch+json"
    assert api.asked == [
        (path, "Bearer first", kind, {"metadata": {"annotations": {COST: "1"}}}),
        (path, "Bearer second", kind, {"metadata": {"annotations": {COST: "0"}}}),
    ]


async def test_one_that_may_not_asks_once(api: Api, account: Path) -> None:
    api.status = 403
    RUNNING_PASSES["first"] += 1
    await asyncio.wait_for(keep_pod_cost(Pod.found(account), every_s=0.01), 10)
    assert len(api.asked) == 1


async def test_an_api_that_is_away_is_asked_again(api: Api, account: Path) -> None:
    api.status = 500
    RUNNING_PASSES["first"] += 1
    telling = asyncio.create_task(keep_pod_cost(Pod.found(account), every_s=0.01))
    await asked(api, 3)
    api.status = 200
    await asyncio.sleep(0.1)
    told = len(api.asked)
    await asyncio.sleep(0.1)
    telling.cancel()
    assert len(api.asked) == told


def test_elsewhere_nothing_is_told(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert Pod.found(account) is None
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("HOSTNAME", "x")
    assert Pod.found(account / "nowhere") is None
    (account / "token").unlink()
    assert Pod.found(account) is None  # automountServiceAccountToken: false
