-- The outbox and its triggers are made by functions of the cache, the same for every table: aside_watch. This migration begins with
-- the text of crates/aside-cache/src/outbox/schema.sql, word by word (a test compares them). Run again, it changes nothing.

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

-- The triggers of before.
DROP TRIGGER IF EXISTS users_inserted ON users;
DROP TRIGGER IF EXISTS users_updated ON users;
DROP TRIGGER IF EXISTS users_deleted ON users;
DROP TRIGGER IF EXISTS posts_inserted ON posts;
DROP TRIGGER IF EXISTS posts_updated ON posts;
DROP TRIGGER IF EXISTS posts_deleted ON posts;
DROP TRIGGER IF EXISTS follows_inserted ON follows;
DROP TRIGGER IF EXISTS follows_updated ON follows;
DROP TRIGGER IF EXISTS follows_deleted ON follows;
DROP TRIGGER IF EXISTS sessions_inserted ON sessions;
DROP TRIGGER IF EXISTS sessions_updated ON sessions;
DROP TRIGGER IF EXISTS sessions_deleted ON sessions;
DROP FUNCTION IF EXISTS invalidate_users(), invalidate_posts(), invalidate_edited_posts(), invalidate_follows(), invalidate_moved_follows(),
    invalidate_sessions(), invalidate_updated_sessions(), session_cell(bytea), invalidation_token();

-- The row of a user owns its entry, and the lists of what the user has written and of whom the user follows.
SELECT aside_watch('users', 'user', 'id');
SELECT aside_watch('users', 'timeline', 'id', events => ARRAY['DELETE']);
SELECT aside_watch('users', 'following', 'id', events => ARRAY['DELETE']);

SELECT aside_watch('posts', 'post', 'id');
SELECT aside_watch_children('posts', 'timeline', 'author_id', 'id');

SELECT aside_watch_children('follows', 'following', 'follower_id', 'followee_id');

-- An entry of a session is named by the SHA-256 of its token, in URL-safe base64 without padding.
CREATE OR REPLACE FUNCTION session_key(token_hash bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT rtrim(translate(encode(token_hash, 'base64'), '+/', '-_'), '=')
$$;

DO $$
BEGIN
    PERFORM aside_watch('sessions', 'session', format('%I.session_key(token_hash)', current_schema()),
                        events => ARRAY['INSERT', 'DELETE']);
END
$$;

-- The use of a session moves its end on, which its entry need not know: it runs out earlier, and is loaded again.
CREATE OR REPLACE FUNCTION aside_sessions_session_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM aside_invalidate('session', array_agg(session_key(hash)))
    FROM before JOIN changed USING (id) CROSS JOIN LATERAL (VALUES (before.token_hash), (changed.token_hash)) AS v (hash)
    WHERE (before.user_id, before.token_hash) IS DISTINCT FROM (changed.user_id, changed.token_hash)
       OR changed.idle_expires_at < before.idle_expires_at;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER aside_sessions_session_updated AFTER UPDATE ON sessions REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION aside_sessions_session_updated();

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION %1$I.aside_sessions_session_updated() SET search_path = %1$I, pg_temp', current_schema());
END
$$;
