"""What medias are found by, in a table of its own with its indexes, and what lists are sorted by.

The functions and the trigger name the schema of what they use: a dump is restored without a search path.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gilfoyle.errors import ConfigError

revision = "0018"
down_revision = "0017"

_EXTENSIONS = ("pg_trgm", "unaccent")
# insufficient_privilege, feature_not_supported ("is not available"), undefined_file
_REFUSED = ("42501", "0A000", "58P01")
_INVISIBLE = "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\ufe0e\ufe0f"


def upgrade() -> None:
    for name in _EXTENSIONS:
        _create_extension(name)
    ours, trgm, unaccent = _scalar("SELECT current_schema()"), _schema("pg_trgm"), _schema("unaccent")
    op.execute(
        f"CREATE FUNCTION gilfoyle_folded(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$"
        f" SELECT lower({unaccent}.unaccent('{unaccent}.unaccent'::regdictionary,"
        f" translate(normalize($1, NFKC), '{_INVISIBLE}', ''))) $$"
    )
    op.execute(
        "CREATE FUNCTION gilfoyle_pattern(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$"
        rf" SELECT '%' || regexp_replace({ours}.gilfoyle_folded($1), '([\\%_])', '\\\1', 'g') || '%' $$"
    )
    op.execute(
        "CREATE TABLE media_search (media_id uuid PRIMARY KEY REFERENCES media (id) ON DELETE CASCADE,"
        " words text NOT NULL, tags varchar(100)[] NOT NULL, metadata jsonb NOT NULL)"
    )
    op.execute(
        "INSERT INTO media_search (media_id, words, tags, metadata)"
        f" SELECT id, {_words(ours)}, tags, metadata FROM media"
    )
    op.execute(
        "CREATE FUNCTION gilfoyle_enter_search() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" INSERT INTO {ours}.media_search (media_id, words, tags, metadata)"
        f" VALUES (NEW.id, {_words(ours, 'NEW.')}, NEW.tags, NEW.metadata)"
        " ON CONFLICT (media_id) DO UPDATE"
        " SET words = EXCLUDED.words, tags = EXCLUDED.tags, metadata = EXCLUDED.metadata;"
        " RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER media_search AFTER INSERT OR UPDATE OF title, description, file_name, tags, metadata"
        " ON media FOR EACH ROW EXECUTE FUNCTION gilfoyle_enter_search()"
    )
    op.execute(f"CREATE INDEX media_search_words ON media_search USING gin (words {trgm}.gin_trgm_ops)")
    op.execute("CREATE INDEX media_search_tags ON media_search USING gin (tags)")
    op.execute("CREATE INDEX media_search_metadata ON media_search USING gin (metadata jsonb_path_ops)")
    op.execute("CREATE INDEX media_changed ON media (updated_at, id)")
    op.execute("CREATE INDEX media_title ON media (gilfoyle_folded(title), id)")
    op.execute("CREATE INDEX media_sha256 ON media (source_sha256)")


def downgrade() -> None:
    for index in ("media_sha256", "media_title", "media_changed"):
        op.drop_index(index, "media")
    op.execute("DROP TRIGGER media_search ON media")
    op.drop_table("media_search")
    for function in ("gilfoyle_enter_search()", "gilfoyle_pattern(text)", "gilfoyle_folded(text)"):
        op.execute(f"DROP FUNCTION {function}")


def _words(schema: str, row: str = "") -> str:
    """What is sought in a row of `media`, in SQL."""
    return f"{schema}.gilfoyle_folded(concat_ws(chr(10), {row}title, {row}description, {row}file_name))"


def _create_extension(name: str) -> None:
    """Raises ConfigError where that takes an administrator."""
    if _scalar(f"SELECT true FROM pg_extension WHERE extname = '{name}'"):
        return
    try:
        op.execute(f"CREATE EXTENSION {name}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") not in _REFUSED:
            raise
        raise ConfigError(
            f"The catalog needs PostgreSQL's extension {name}, and may not create it. It comes with PostgreSQL"
            f" (package postgresql-contrib): have an administrator run CREATE EXTENSION {name} in this database."
        ) from error


def _schema(extension: str) -> str:
    return _scalar(
        "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace"
        f" WHERE extname = '{extension}'"
    )


def _scalar(query: str) -> str:
    return str(op.get_bind().scalar(text(query)) or "")
