"""A Prometheus that reads Gilfoyle's processes as the shipped ServiceMonitor has them read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from bench.cluster.control import NAMESPACE
from bench.cluster.processes import Processes
from bench.servers.ports import free_ports
from gilfoyle.errors import StartupError

_MONITOR = Path(__file__).parents[2] / "deploy/kubernetes/components/monitoring/metrics.yaml"


class Prometheus:
    """Runs in `folder`, among `processes`. Raises StartupError where there is no `prometheus`."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        program = shutil.which("prometheus")
        if program is None:
            raise StartupError("There is no `prometheus`: Debian's package has it.")
        self._targets = folder / "targets.json"
        self.url = f"http://127.0.0.1:{(port := free_ports(1)[0])}"
        job = {
            "job_name": "gilfoyle",
            **intervals(),
            "file_sd_configs": [{"files": [str(self._targets)], "refresh_interval": "5s"}],
        }
        (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}))
        self.read({})
        processes.start(
            "prometheus",
            [
                program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
            ],
        )  # fmt: skip
        processes.wait(f"{self.url}/-/ready")

    def read(self, addresses: Mapping[str, str]) -> None:
        """From now on these: `host:port` by the name of the pod."""
        found = [
            {"targets": [address], "labels": {"namespace": NAMESPACE, "pod": pod}} for pod, address in addresses.items()
        ]
        draft = self._targets.with_suffix(".draft")
        draft.write_text(json.dumps(found))
        draft.replace(self._targets)


def intervals() -> dict[str, str]:
    """How often the shipped ServiceMonitor has processes read, in Prometheus' words."""
    for each in yaml.safe_load_all(_MONITOR.read_text()):
        if each["kind"] == "ServiceMonitor":
            endpoint = each["spec"]["endpoints"][0]
            return {"scrape_interval": endpoint["interval"], "scrape_timeout": endpoint["scrapeTimeout"]}
    raise StartupError(f"{_MONITOR.name} has no ServiceMonitor.")
