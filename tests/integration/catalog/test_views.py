"""Pages of what is sought: looked for among the medias that come first, and everywhere if those are too few."""

from __future__ import annotations

from itertools import product

import pytest

from gilfoyle.catalog import Catalog, listing
from gilfoyle.catalog.listing import MediaFilter, Paging, Sort


@pytest.fixture
def few_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five medias are all that is looked at first, so that a dozen are more than that."""
    monkeypatch.setattr(listing, "RECENT", 5)


@pytest.mark.usefixtures("few_recent")
@pytest.mark.parametrize("sort", ["-created_at", "created_at"])
async def test_pages_give_each_that_matches_once_in_order(catalog: Catalog, sort: Sort) -> None:
    """Common and rare, among the first and behind them, in pages of every length, from every place on."""
    made = []
    for n in range(12):
        rare = n in (2, 9)
        tags, metadata = ["rare" if rare else "many"], {"odd": n % 2, "rare": rare}
        made.append(await catalog.medias.create(f"Film {n}", tags=tags, metadata=metadata))
    for sought, matching in (
        (MediaFilter(tags=["rare"]), [2, 9]),
        (MediaFilter(metadata={"rare": "true"}), [2, 9]),
        (MediaFilter(metadata={"rare": "false"}, created_before=made[9].created_at), [0, 1, *range(3, 9)]),
        (MediaFilter(tags=["many"]), [n for n in range(12) if n not in (2, 9)]),
        (MediaFilter(metadata={"odd": "1"}), [1, 3, 5, 7, 9, 11]),
        (MediaFilter(q="film", created_before=made[6].created_at), list(range(6))),
        (MediaFilter(q="film", created_from=made[6].created_at), list(range(6, 12))),
        (MediaFilter(q="film 1", tags=["many"]), [1, 10, 11]),
        (MediaFilter(q="no such film"), []),
    ):
        wanted = [made[n].id for n in matching]
        wanted = wanted[::-1] if sort == "-created_at" else wanted
        for limit, offset in product((1, 2, 3, 20), (0, 1)):
            assert await _ids(catalog, sought, Paging(limit, offset, sort=sort)) == wanted[offset:], (sought, limit)


async def _ids(catalog: Catalog, sought: MediaFilter, paging: Paging) -> list[object]:
    """Of all pages from there on."""
    page = await catalog.views.page(sought, paging)
    found: list[object] = [view.media.id for view in page.views]
    if page.next is not None:
        assert len(page.views) == paging.limit
        found += await _ids(catalog, sought, Paging(paging.limit, position=page.next, sort=paging.sort))
    return found
