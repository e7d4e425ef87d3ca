"""The field's words, audio and video, in the place of sound and picture: a column, and the codes that are stored."""

from __future__ import annotations

from collections.abc import Mapping

from alembic import op

revision = "0013"
down_revision = "0012"

_CODES = {
    "sound_undecodable": "audio_undecodable",
    "picture_undecodable": "video_undecodable",
    "picture_too_large": "frame_too_large",
}


def upgrade() -> None:
    for table in ("media", "replacement"):
        op.alter_column(table, "sound_only", new_column_name="audio_only")
        _rename(table, _CODES)


def downgrade() -> None:
    for table in ("media", "replacement"):
        _rename(table, {new: old for old, new in _CODES.items()})
        op.alter_column(table, "audio_only", new_column_name="sound_only")


def _rename(table: str, codes: Mapping[str, str]) -> None:
    """Codes of errors have a column; those of warnings are in the probe, which PostgreSQL prints as `"code": "…"`."""
    for old, new in codes.items():
        op.execute(f"UPDATE {table} SET error_code = '{new}' WHERE error_code = '{old}'")
        warning = f'"code": "{old}"', f'"code": "{new}"'
        op.execute(
            f"UPDATE {table} SET probe = replace(probe::text, '{warning[0]}', '{warning[1]}')::jsonb"
            f' WHERE probe @> \'{{"warnings": [{{"code": "{old}"}}]}}\''
        )
