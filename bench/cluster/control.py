"""What decides how many pods there are: etcd, Kubernetes' API server and controllers, KEDA's operator and adapter.

The binaries are those of deploy/kubernetes/check/build.sh.
"""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cluster import certificates
from bench.cluster.certificates import PROXY, Certificates
from bench.cluster.processes import Processes
from bench.servers.ports import free_ports
from gilfoyle.errors import StartupError

NAMESPACE = "gilfoyle"
DEPLOYMENT = "gilfoyle-transcode"
OVERLAY = Path(__file__).parents[2] / "deploy/kubernetes/overlays/external"
# Those that are needed for a Deployment and its autoscaler. What looks after nodes would miss a kubelet.
_CONTROLLERS = ("deployment-controller", "replicaset-controller", "horizontal-pod-autoscaler-controller")
_BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "keda", "keda-adapter")


@dataclass(frozen=True)
class Windows:
    """How soon there are more and fewer (seconds): shorter than what is shipped, which the comments name."""

    average_s: int = 45  # 180
    cooldown_s: int = 45  # 300
    stable_s: int = 30  # 120
    step_s: int = 15  # 30


@dataclass(frozen=True)
class Control:
    """A control plane that runs. `binaries` and `definitions`: what build.sh made; `folder`: its own."""

    binaries: Path
    definitions: Path
    folder: Path
    processes: Processes
    certificates: Certificates
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def _kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def apply_gilfoyle(self, prometheus: str, windows: Windows) -> None:
        """The shipped overlay, with its ScaledObject asking that Prometheus and with those windows."""
        self._kubectl("apply", "--server-side", "-f", str(self.definitions))
        self._kubectl("wait", "--for", "condition=established", "--timeout", "60s", "crd", "--all")
        self._kubectl("create", "namespace", NAMESPACE)
        levels = [f"pod-security.kubernetes.io/{each}=restricted" for each in ("enforce", "warn", "audit")]
        self._kubectl("label", "namespace", NAMESPACE, *levels)
        # KEDA reads the environment of what it scales, and does nothing without the Secret that is named there.
        key = f"--from-literal=GILFOYLE_AUTH__ADMIN_KEY={secrets.token_hex(32)}"
        self._kubectl("create", "secret", "generic", "gilfoyle", "-n", NAMESPACE, key)
        self._kubectl("apply", "--validate=strict", "-k", str(OVERLAY))
        shipped = self._kubectl(
            "get", "scaledobject", DEPLOYMENT, "-n", NAMESPACE, "-o", "jsonpath={.spec.triggers[0].metadata.query}"
        )
        if "[3m:" not in shipped:
            raise StartupError(f"The shipped query has another average than three minutes: {shipped}")
        down = "/spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown"
        changes = {
            "/spec/triggers/0/metadata/serverAddress": prometheus,
            "/spec/triggers/0/metadata/query": shipped.replace("[3m:", f"[{windows.average_s}s:"),
            "/spec/cooldownPeriod": windows.cooldown_s,
            f"{down}/stabilizationWindowSeconds": windows.stable_s,
            f"{down}/policies/0/periodSeconds": windows.step_s,
        }
        patch = json.dumps([{"op": "replace", "path": path, "value": value} for path, value in changes.items()])
        self._kubectl("patch", "scaledobject", DEPLOYMENT, "-n", NAMESPACE, "--type", "json", "-p", patch)

    def start_controllers(self) -> None:
        """From now on there are pods for Deployments, and HorizontalPodAutoscalers are heeded."""
        self.processes.start(
            "kube-controller-manager",
            [
                self.binaries / "kube-controller-manager",
                "--kubeconfig", self._kubeconfig,
                "--controllers", ",".join(_CONTROLLERS),
                "--leader-elect=false",
                "--secure-port=0",
            ],
        )  # fmt: skip

    def start_keda(self) -> None:
        """Operator and metrics adapter, and the API server asks the adapter for external metrics."""
        service, adapter, metrics = free_ports(3)
        environment = {
            "KUBECONFIG": str(self._kubeconfig),
            "WATCH_NAMESPACE": "",
            "POD_NAMESPACE": "keda",
            "KEDA_CLUSTER_OBJECT_NAMESPACE": "keda",
        }
        self._kubectl("create", "namespace", "keda")
        self._apply(_external_metrics(adapter, self.certificates.authority.read_bytes()))
        self.processes.start(
            "keda",
            [
                self.binaries / "keda",
                f"--metrics-service-bind-address=127.0.0.1:{service}",
                f"--metrics-bind-address=127.0.0.1:{free_ports(1)[0]}",
                f"--health-probe-bind-address=127.0.0.1:{free_ports(1)[0]}",
                f"--cert-dir={self.certificates.folder}",
                "--zap-log-level=info", "--zap-encoder=console", "--zap-time-encoding=rfc3339",
            ],
            environment,
        )  # fmt: skip
        self.processes.start(
            "keda-adapter",
            [
                self.binaries / "keda-adapter",
                f"--secure-port={adapter}", "--bind-address=127.0.0.1", f"--port={metrics}",
                f"--metrics-service-address=localhost:{service}",
                f"--cert-dir={self.certificates.folder}",
                f"--tls-cert-file={self.certificates.certificate}",
                f"--tls-private-key-file={self.certificates.key}",
                f"--lister-kubeconfig={self._kubeconfig}",
                f"--authentication-kubeconfig={self._kubeconfig}",
                f"--authorization-kubeconfig={self._kubeconfig}",
                "--zap-log-level=info",
            ],
            environment,
        )  # fmt: skip

    def _apply(self, objects: Sequence[dict[str, Any]]) -> None:
        file = self.folder / "objects.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        self._kubectl("apply", "-f", str(file))

    def _kubectl(self, *arguments: str) -> str:
        """What it says. Raises StartupError."""
        own = ["--kubeconfig", str(self._kubeconfig), "--cache-dir", str(self.folder / "kubectl")]
        command = ["kubectl", *own, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartupError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout


def start(built: Path, folder: Path, processes: Processes) -> Control:
    """etcd and the API server, in `folder`. `built`: the folder of build.sh. Raises StartupError."""
    binaries = built / "bin"
    if missing := [each for each in _BINARIES if not (binaries / each).is_file()]:
        raise StartupError(f"{binaries} lacks {', '.join(missing)}: deploy/kubernetes/check/build.sh makes them.")
    made = certificates.make(folder / "certificates")
    control = Control(binaries, built / "definitions", folder, processes, made, free_ports(1)[0], secrets.token_hex(16))
    etcd = f"http://127.0.0.1:{free_ports(1)[0]}"
    processes.start(
        "etcd",
        [
            binaries / "etcd", "--data-dir", folder / "etcd", "--log-level", "error",
            "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
            "--listen-peer-urls", f"http://127.0.0.1:{free_ports(1)[0]}",
        ],
    )  # fmt: skip
    (folder / "tokens.csv").write_text(f"{control.token},admin,admin,system:masters\n")
    _write_kubeconfig(control)
    proxy, proxy_key = made.proxy
    processes.start(
        "kube-apiserver",
        [
            binaries / "kube-apiserver", "--etcd-servers", etcd,
            "--secure-port", str(control.port), "--bind-address", "127.0.0.1",
            "--tls-cert-file", made.certificate, "--tls-private-key-file", made.key,
            "--service-cluster-ip-range", "10.96.0.0/16",
            "--authorization-mode", "RBAC", "--token-auth-file", folder / "tokens.csv",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", made.certificate, "--service-account-signing-key-file", made.key,
            # How it passes on who calls, to KEDA's adapter.
            "--requestheader-client-ca-file", made.authority, "--requestheader-allowed-names", PROXY,
            "--requestheader-username-headers", "X-Remote-User", "--requestheader-group-headers", "X-Remote-Group",
            "--requestheader-extra-headers-prefix", "X-Remote-Extra-",
            "--proxy-client-cert-file", proxy, "--proxy-client-key-file", proxy_key,
        ],
    )  # fmt: skip
    processes.wait(f"{control.url}/readyz", token=control.token, authority=made.authority)
    return control


def _write_kubeconfig(control: Control) -> None:
    cluster = {"server": control.url, "certificate-authority": str(control.certificates.authority)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bench", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": control.token}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "admin"}}],
        "current-context": "bench",
    }
    (control.folder / "kubeconfig").write_text(json.dumps(config))


def _external_metrics(port: int, authority: bytes) -> list[dict[str, Any]]:
    """As KEDA's own objects, but that the adapter is no pod: its service is a name of this machine."""
    service = {"name": "keda-metrics-apiserver", "namespace": "keda"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service,
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
            "spec": {
                "service": {**service, "port": port},
                "group": "external.metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": base64.b64encode(authority).decode(),
            },
        },
    ]
