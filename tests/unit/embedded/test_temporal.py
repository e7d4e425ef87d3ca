from __future__ import annotations

import itertools
from pathlib import Path

import yaml

from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.postgres import Postgres
from gilfoyle.embedded.temporal import spec
from gilfoyle.temporal.routes import FIRST, TRANSCODE, queue_name

CLUSTER = Path(__file__).parents[3] / "deploy" / "temporal-dynamic-config.yaml"


def test_a_cluster_is_given_the_settings_that_the_embedded_one_has(tmp_path: Path) -> None:
    command = spec(DataFolder(tmp_path), port=1, ui_port=2, namespace="default", environment={}).command
    embedded = dict(
        value.split("=") for option, value in itertools.pairwise(command) if option == "--dynamic-config-value"
    )
    written = yaml.safe_load(CLUSTER.read_text())
    assert {key: {str(item["value"]).lower() for item in items} for key, items in written.items()} == {
        key: {value} for key, value in embedded.items()
    }


def test_a_cluster_keeps_the_order_of_every_queue_with_passes() -> None:
    for key, items in yaml.safe_load(CLUSTER.read_text()).items():
        if "Partitions" in key:
            named = {item["constraints"]["taskQueueName"] for item in items}
            assert named == {queue_name("gilfoyle", queue) for queue in (FIRST, TRANSCODE)}


def test_servers_of_others_get_no_secret(tmp_path: Path) -> None:
    """PostgreSQL may run as another user, and neither has any use for them."""
    secret = {
        "GILFOYLE_STORAGE__S3__SECRET_ACCESS_KEY": "hunter2",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "TEMPORAL_API_KEY": "hunter2",
        "PGPASSWORD": "hunter2",
    }
    folder, given = DataFolder(tmp_path), {**secret, "LANG": "C"}
    told = spec(folder, port=1, ui_port=2, namespace="default", environment=given).environment
    assert told.keys().isdisjoint({*secret} - {"PGPASSWORD"}) and told["LANG"] == "C"
    postgres = Postgres(folder, given)
    postgres.discard()
    assert postgres.spec().environment.keys().isdisjoint({*secret} - {"TEMPORAL_API_KEY"})
