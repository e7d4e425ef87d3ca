"""When a media was made, beside what it is found by: the newest that match are found without looking at the medias.

Each search reads what was not yet entered into its index: at most 4 MB, which takes milliseconds. Tags and metadata are
few, and are entered at once.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0028"
down_revision = "0027"

_PENDING = {
    "media_search_tags": "fastupdate = off",
    "media_search_metadata": "fastupdate = off",
    "media_search_words": "gin_pending_list_limit = 256",
}


def upgrade() -> None:
    op.execute("ALTER TABLE media_search ADD COLUMN created_at timestamptz")
    op.execute("UPDATE media_search SET created_at = media.created_at FROM media WHERE media.id = media_id")
    op.execute("ALTER TABLE media_search ALTER COLUMN created_at SET NOT NULL")
    op.execute("CREATE INDEX media_search_newest ON media_search (created_at, media_id)")
    _enter("created_at")
    for index, how in _PENDING.items():
        op.execute(f"ALTER INDEX {index} SET ({how})")
        op.execute(f"SELECT gin_clean_pending_list('{index}')")


def downgrade() -> None:
    for index, how in _PENDING.items():
        op.execute(f"ALTER INDEX {index} RESET ({how.partition(' ')[0]})")
    _enter()
    op.execute("ALTER TABLE media_search DROP COLUMN created_at")


def _enter(*more: str) -> None:
    """The trigger enters those columns, too."""
    schema = op.get_bind().scalar(text("SELECT current_schema()"))
    words = f"{schema}.gilfoyle_folded(concat_ws(chr(10), NEW.title, NEW.description, NEW.file_name))"
    copied = ("tags", "metadata", *more)
    columns = ", ".join(("media_id", "words", *copied))
    values = ", ".join(("NEW.id", words, *(f"NEW.{name}" for name in copied)))
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in ("words", *copied))
    op.execute(
        "CREATE OR REPLACE FUNCTION gilfoyle_enter_search() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" INSERT INTO {schema}.media_search ({columns}) VALUES ({values})"
        f" ON CONFLICT (media_id) DO UPDATE SET {changes};"
        " RETURN NULL; END $$"
    )
    op.execute("DROP TRIGGER media_search ON media")
    op.execute(
        f"CREATE TRIGGER media_search AFTER INSERT OR UPDATE OF {', '.join(('title, description, file_name', *copied))}"
        " ON media FOR EACH ROW EXECUTE FUNCTION gilfoyle_enter_search()"
    )
