"""Medias as text: for people at a terminal and for scripts that read lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from gilfoyle.client.models import Model

Json = dict[str, Any]

# Control characters, ends of lines and paragraphs, what turns the direction of writing, and half characters.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def given(model: Model) -> Json:
    """An object of the API as the server has given it."""
    return model.model_dump(mode="json", exclude_unset=True)


def clean(text: str) -> str:
    """Without control characters: a title or file name must not steer the terminal."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def say(console: Console, sentence: str) -> None:
    """One line as it is, neither wrapped nor coloured: a URL in it can be copied."""
    console.print(clean(sentence), markup=False, highlight=False, soft_wrap=True)


def as_json(value: Any) -> str:
    """JSON as the API gives it, indented."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def human_bytes(count: int | None) -> str:
    """`3.4 MB`; decimal units, as disks and networks count."""
    if count is None:
        return "-"
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def human_time(seconds: float | None) -> str:
    """`1:02:03` or `2:03`."""
    if seconds is None:
        return "-"
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def table(medias: Sequence[Json]) -> Iterator[str]:
    """A line per media, under a heading."""
    rows = [("ID", "STATUS", "DONE", "PLAY", "LENGTH", "SIZE", "TITLE")]
    for media in medias:
        rows.append(
            (
                media["id"],
                media["status"],
                f"{media['progress']:.0%}",
                "yes" if media["playable"] else "no",
                human_time(media["duration_s"]),
                human_bytes(media["source_bytes"]),
                clean(media["title"]),
            )
        )
    return columns(rows)


def details(media: Json) -> Iterator[str]:
    """What is known of one media, a fact per line, then its renditions."""
    error = media["error"]
    facts = {
        "title": media["title"],
        "description": media["description"],
        "status": f"{media['status']}, {media['progress']:.0%} done" + (", playable" if media["playable"] else ""),
        "error": f"{error['message']} ({error['code']})" if error else None,
        "version": media["version"] if media["version"] > 1 else None,
        "replacement": _replacement(media["replacement"]) if media["replacement"] else None,
        "play": media["stream_url"],
        "watch": media["watch_url"],
        "length": human_time(media["duration_s"]) if media["duration_s"] is not None else None,
        "source": media["file_name"] and f"{media['file_name']}, {human_bytes(media['source_bytes'])}",
        "sha256": media["source_sha256"],
        "created": media["created_at"],
    }
    for name, fact in facts.items():
        if fact:
            yield f"{name:<12}{clean(str(fact))}"
    for each in media.get("warnings", []):
        yield f"{'warning':<12}{clean(each['message'])} ({each['code']})"
    yield from columns([_rendition(each) for each in media["renditions"]])


def _replacement(replacement: Json) -> str:
    error = replacement["error"]
    done = f"{error['message']} ({error['code']})" if error else f"{replacement['progress']:.0%} done"
    return f"version {replacement['version']}, {replacement['status']}: {done}"


def _rendition(rendition: Json) -> tuple[str, ...]:
    if rendition["width"]:
        form = f"{rendition['width']}×{rendition['height']}"
    else:
        form = f"{rendition['channels']} ch" if rendition["channels"] else "-"
    rate = rendition["average_bandwidth"]
    error = rendition["error"]
    return (
        rendition["name"],
        rendition["status"],
        form,
        f"{rendition['stored_segments']}/{rendition['segments']} segments",
        human_bytes(rendition["stored_bytes"]),
        f"{rate / 1000:.0f} kbit/s" if rate else "-",
        clean(error["message"]) if error else "",
    )


def columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The rows with their columns aligned, two spaces apart; the last column as long as it likes."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
