"""Catalogs of many medias, as an application of some years might have them."""

from __future__ import annotations

from uuid import uuid4

import psycopg

from gilfoyle.catalog.migrate import upgrade

WORDS = [
    "holiday",
    "summer",
    "beach",
    "winter",
    "city",
    "night",
    "music",
    "concert",
    "interview",
    "lecture",
    "chapter",
    "season",
    "episode",
    "trailer",
    "review",
    "keynote",
    "training",
    "product",
    "demo",
    "launch",
    "market",
    "street",
    "river",
    "mountain",
    "garden",
    "kitchen",
    "recipe",
    "travel",
    "journey",
    "family",
]
TENANTS, TAGS, GROUPS = 100, 20, 1000
"""How many different values there are: each tenant, tag and group has as many medias."""

_MEDIAS = """
INSERT INTO media (id, title, description, status, playable, encoding, progress, storage, file_name, kind, duration_s,
    source_bytes, external_id, tags, metadata, created_at, updated_at)
SELECT gen_random_uuid(),
    initcap(w[1 + n * 7 %% 29] || ' ' || w[1 + n * 13 %% 30] || ' ' || n),
    'About ' || w[1 + n %% 30] || ' and ' || w[1 + n * 11 %% 29] || ', take ' || md5(n::text),
    (ARRAY['Ready', 'Ready', 'Ready', 'Ready', 'Ready', 'Ready', 'Ready', 'AwaitingUpload', 'Processing', 'Errored'])
        [1 + n %% 10],
    true, 1, 1, 'filesystem', 'clip-' || n || '.mp4', 'video', 60, 1000000, 'film-' || n,
    ARRAY['tag' || n %% %(tags)s, 'group' || n %% %(groups)s]::varchar[],
    jsonb_build_object('tenant', 't' || n %% %(tenants)s, 'number', n, 'language', (ARRAY['de', 'en'])[1 + n %% 2]),
    timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-02-01' + n * interval '1 second'
FROM generate_series(1, %(count)s) AS n, (SELECT %(words)s::text[] AS w) AS words
"""
_PLAYBACK_IDS = "INSERT INTO playback (id, media_id, created_at) SELECT md5(id::text), id, created_at FROM media"
_RENDITIONS = """
INSERT INTO rendition (media_id, encoding, name, kind, position, track, status, width, height, frame_rate, codecs,
    segments, stored_segments, stored_bytes, bandwidth, average_bandwidth)
SELECT id, 1, name, 'video', position, 'video', 'Ready', 1280, 720, 30, 'avc1.64001f', 15, 15, 7000000, 2900000, 2100000
FROM media, unnest(ARRAY['1080p', '720p', '480p', '360p', 'audio-128k']) WITH ORDINALITY AS ladder (name, position)
"""


def catalog_of(server: str, count: int) -> str:
    """The URL of a new database in that server, with so many medias of five renditions each."""
    name = f"bench_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    place, _, options = server.partition("?")
    url = f"{place.rpartition('/')[0]}/{name}?{options}"
    upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        values = {"count": count, "words": WORDS, "tenants": TENANTS, "tags": TAGS, "groups": GROUPS}
        connection.execute(_MEDIAS, values)
        connection.execute(_PLAYBACK_IDS)
        connection.execute(_RENDITIONS)
        connection.execute("VACUUM ANALYZE")
    return url
