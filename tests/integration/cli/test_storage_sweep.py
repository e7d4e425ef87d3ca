"""`gilfoyle storage sweep` against real workers."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

from gilfoyle.temporal.messages import SweepResult
from tests.integration.cli.conftest import Gilfoyle, finish
from tests.integration.workflows.service import Service
from tests.integration.workflows.test_sweep_storage import stray


async def test_shows_what_would_go_and_then_removes_it(service: Service, gilfoyle: Gilfoyle) -> None:
    old, young = stray(service), stray(service, 3 * 3600)
    foreign: Path = service.root / "films"
    foreign.mkdir()

    looked = await finish(await gilfoyle("storage", "sweep", "--dry-run"))
    assert (looked.status, looked.stderr) == (0, "")
    heading, row, sentence = looked.stdout.splitlines()
    assert heading.split() == ["STORAGE", "AGE", "SIZE", "WHAT", "WHY"]
    assert row.split() == ["filesystem", "2", "d", "10", "B", old.parent.name, "of", "no", "media"]
    assert sentence == (
        "filesystem: 2 medias looked at, 1 folder that is not ours left alone; "
        "1 folder would be removed, 10 B; nothing was."
    )
    assert old.exists()

    done = await finish(await gilfoyle("storage", "sweep"))
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith("1 folder removed, 10 B freed.")
    assert not old.exists() and young.exists() and foreign.exists()

    assert (await finish(await gilfoyle("storage", "sweep", "--older-than", "2h"))).status == 0
    assert not young.exists() and foreign.exists()
    again = await finish(await gilfoyle("storage", "sweep"))
    assert again.stdout.splitlines()[-1].endswith("nothing to remove.")


async def test_what_is_refused_is_status_1_and_names_force(service: Service, gilfoyle: Gilfoyle) -> None:
    places = [stray(service) for _ in range(11)]
    refused = await finish(await gilfoyle("storage", "sweep"))
    assert refused.status == 1
    assert "11 folders would be removed" in refused.stdout
    assert refused.stderr.startswith("filesystem: 11 of 11 folders") and "--force" in refused.stderr
    assert all(path.exists() for path in places)

    forced = await finish(await gilfoyle("storage", "sweep", "--force"))
    assert (forced.status, forced.stderr) == (0, "")
    assert not any(path.exists() for path in places)


async def test_json_is_the_result(service: Service, gilfoyle: Gilfoyle) -> None:
    stray(service)
    done = await finish(await gilfoyle("storage", "sweep", "--json"))
    [swept] = SweepResult.model_validate(json.loads(done.stdout)).backends
    assert (swept.found, swept.removed, swept.bytes_freed, swept.items[0].reason) == (1, 1, 10, "no_media")


async def test_a_backend_that_fails_is_status_1(service: Service, gilfoyle: Gilfoyle) -> None:
    await service.parts.catalog.medias.create(f"Film {uuid4()}", storage="attic")
    done = await finish(await gilfoyle("storage", "sweep"))
    assert done.status == 1
    assert done.stdout.splitlines()[0] == "attic: not swept."
    assert "no storage backend 'attic'" in done.stderr
