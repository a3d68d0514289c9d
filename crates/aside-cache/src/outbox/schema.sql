-- The invalidation outbox: which entries of the cache a committed transaction has made stale.
--
-- Triggers write it in the transaction itself, so it holds for each program that writes: a service, a migration, psql. A service
-- with this cache invalidates by itself and deletes its rows right after; what it leaves (because it died, or Redis was out of
-- reach) and what other programs write is taken by the relay that every replica runs.
CREATE TABLE IF NOT EXISTS invalidation_outbox (
    id         bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT invalidation_outbox_pkey PRIMARY KEY,
    -- The name of the entry: 'user:<id>'.
    cell       text        NOT NULL,
    -- Of the write fence that the writer has set, null for other programs.
    token      bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (
    -- A queue: rows live for milliseconds, so dead ones are cleaned early, not in proportion to a size it never has.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000
);

-- A writer deletes its rows by its token.
CREATE INDEX IF NOT EXISTS invalidation_outbox_token_idx ON invalidation_outbox (token) WHERE token IS NOT NULL;

-- Names entries of one kind as stale, from the moment when this transaction commits. What aside_watch's triggers do, for
-- triggers of the caller's own.
CREATE OR REPLACE FUNCTION aside_invalidate(kind text, keys text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO invalidation_outbox (cell, token)
    SELECT DISTINCT kind || ':' || key, decode(nullif(current_setting('aside.token', true), ''), 'hex')
    FROM unnest(keys) AS key
    WHERE key IS NOT NULL
$$;

-- Makes the triggers for entries of one kind that are made of rows of a table. `key` is a column, or an expression over columns
-- of the row, whose text is the entry's key. With `columns`, an UPDATE makes entries stale only where one of these columns, or the
-- key, has another value than before. Called again, it replaces its triggers.
--
-- The triggers are for each statement, with its rows as a table: one insert for a statement, however many rows it changed.
-- Their functions find the outbox where it was installed, whatever the search_path of the session that writes: pg_restore sets an
-- empty one. pg_temp stands last, or a temporary table would come first.
CREATE OR REPLACE FUNCTION aside_watch(
    watched regclass, kind text, key text, columns text[] DEFAULT NULL,
    events text[] DEFAULT ARRAY['INSERT', 'UPDATE', 'DELETE']
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    event   text;
    name    text;
    tables  text;
    stale   text;
    compare text := concat_ws(', ', format('(%s)::text AS key', key), array_to_string(columns, ', '));
BEGIN
    FOREACH event IN ARRAY events LOOP
        name := format('aside_%s_%s_%s', (SELECT relname FROM pg_class WHERE oid = watched), kind, lower(event));
        IF length(name) > 63 THEN
            RAISE EXCEPTION 'aside_watch: the name % is longer than 63 characters; choose a shorter kind', name;
        END IF;
        CASE event
        WHEN 'INSERT' THEN
            tables := 'NEW TABLE AS changed';
            stale := format('SELECT (%s)::text AS key FROM changed', key);
        WHEN 'DELETE' THEN
            tables := 'OLD TABLE AS changed';
            stale := format('SELECT (%s)::text AS key FROM changed', key);
        WHEN 'UPDATE' THEN
            tables := 'OLD TABLE AS before NEW TABLE AS changed';
            IF columns IS NULL THEN
                stale := format('SELECT (%1$s)::text AS key FROM before UNION SELECT (%1$s)::text FROM changed', key);
            ELSE
                stale := format('(SELECT %1$s FROM before EXCEPT SELECT %1$s FROM changed)
                                 UNION (SELECT %1$s FROM changed EXCEPT SELECT %1$s FROM before)', compare);
            END IF;
        ELSE
            RAISE EXCEPTION 'aside_watch: there is no event %, expected INSERT, UPDATE or DELETE', event;
        END CASE;
        EXECUTE format(
            'CREATE OR REPLACE FUNCTION %1$I.%2$I() RETURNS trigger LANGUAGE plpgsql SET search_path = %1$I, pg_temp AS $body$
             BEGIN
                 INSERT INTO invalidation_outbox (cell, token)
                 SELECT DISTINCT %3$L || key, decode(nullif(current_setting(''aside.token'', true), ''''), ''hex'')
                 FROM (%4$s) AS stale
                 WHERE key IS NOT NULL;
                 RETURN NULL;
             END $body$',
            current_schema(), name, kind || ':', stale);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER %1$I AFTER %2$s ON %3$s REFERENCING %4$s
             FOR EACH STATEMENT EXECUTE FUNCTION %5$I.%1$I()',
            name, event, watched, tables, current_schema());
    END LOOP;
END
$$;

-- The same for entries that a parent row owns and that list its children, such as the ids of an author's posts: they are stale when
-- a child comes, goes, or moves to another parent, and not when a child is edited.
CREATE OR REPLACE FUNCTION aside_watch_children(watched regclass, kind text, parent_key text, child_key text)
RETURNS void LANGUAGE sql AS $$
    SELECT aside_watch(watched, kind, parent_key, ARRAY[child_key])
$$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION %1$I.aside_invalidate(text, text[]) SET search_path = %1$I, pg_temp', current_schema());
END
$$;
