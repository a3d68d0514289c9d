-- The invalidation outbox: which cells of the cache a committed transaction has made stale.
--
-- Written by triggers in the transaction itself, so it holds whoever writes: the service, a migration, psql. Our own writers
-- invalidate by themselves and delete their rows right after; what they leave (because they died, or Redis was out of
-- reach) and what others write is taken by the relay that every replica runs.
CREATE TABLE invalidation_outbox (
    id         bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT invalidation_outbox_pkey PRIMARY KEY,
    -- The name of the cell, as the service names it: 'user:<id>'.
    cell       text        NOT NULL,
    -- Of the fence that the writer has set, null for other programs.
    token      bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (
    -- A queue: rows live for milliseconds, so dead ones are cleaned early, not in proportion to a size it never has.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000
);

-- A writer deletes its rows by its token.
CREATE INDEX invalidation_outbox_token_idx ON invalidation_outbox (token) WHERE token IS NOT NULL;

-- The token that the service sets for each of its transactions.
CREATE FUNCTION invalidation_token() RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT decode(nullif(current_setting('aside.token', true), ''), 'hex')
$$;

-- The triggers are for each statement, with its rows as a table: one insert for a statement, however many rows it changed.

CREATE FUNCTION invalidate_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO invalidation_outbox (cell, token)
        SELECT kind || id, invalidation_token()
        FROM changed CROSS JOIN unnest(ARRAY['user:', 'timeline:', 'following:']) AS kind;
    ELSE
        INSERT INTO invalidation_outbox (cell, token) SELECT 'user:' || id, invalidation_token() FROM changed;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_inserted AFTER INSERT ON users REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_users();
CREATE TRIGGER users_updated AFTER UPDATE ON users REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_users();
CREATE TRIGGER users_deleted AFTER DELETE ON users REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_users();

CREATE FUNCTION invalidate_posts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invalidation_outbox (cell, token)
    SELECT 'post:' || id, invalidation_token() FROM changed
    UNION ALL
    SELECT DISTINCT 'timeline:' || author_id, invalidation_token() FROM changed;
    RETURN NULL;
END
$$;

-- An edit leaves the timelines as they are, unless somebody gives the post another author or id by hand.
CREATE FUNCTION invalidate_edited_posts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invalidation_outbox (cell, token)
    SELECT 'post:' || id, invalidation_token() FROM (SELECT id FROM before UNION SELECT id FROM changed) AS posts
    UNION ALL
    SELECT 'timeline:' || author_id, invalidation_token()
    FROM (
        (SELECT id, author_id FROM before EXCEPT SELECT id, author_id FROM changed)
        UNION
        (SELECT id, author_id FROM changed EXCEPT SELECT id, author_id FROM before)
    ) AS moved
    GROUP BY author_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER posts_inserted AFTER INSERT ON posts REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_posts();
CREATE TRIGGER posts_updated AFTER UPDATE ON posts REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_edited_posts();
CREATE TRIGGER posts_deleted AFTER DELETE ON posts REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_posts();

CREATE FUNCTION invalidate_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invalidation_outbox (cell, token)
    SELECT DISTINCT 'following:' || follower_id, invalidation_token() FROM changed;
    RETURN NULL;
END
$$;

CREATE TRIGGER follows_inserted AFTER INSERT ON follows REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_follows();
CREATE TRIGGER follows_deleted AFTER DELETE ON follows REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_follows();

CREATE FUNCTION invalidate_moved_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invalidation_outbox (cell, token)
    SELECT 'following:' || follower_id, invalidation_token()
    FROM (SELECT follower_id FROM before UNION SELECT follower_id FROM changed) AS followers;
    RETURN NULL;
END
$$;

CREATE TRIGGER follows_updated AFTER UPDATE ON follows REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_moved_follows();

-- Sessions are named by the SHA-256 of their token, in URL-safe base64 without padding.
CREATE FUNCTION session_cell(token_hash bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'session:' || rtrim(translate(encode(token_hash, 'base64'), '+/', '-_'), '=')
$$;

CREATE FUNCTION invalidate_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invalidation_outbox (cell, token)
    SELECT session_cell(token_hash), invalidation_token() FROM changed;
    RETURN NULL;
END
$$;

-- Being used moves a session's end on, which its cell need not know: it runs out earlier, and is loaded again.
CREATE FUNCTION invalidate_updated_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invalidation_outbox (cell, token)
    SELECT session_cell(hash), invalidation_token()
    FROM before JOIN changed USING (id) CROSS JOIN LATERAL (VALUES (before.token_hash), (changed.token_hash)) AS v (hash)
    WHERE (before.user_id, before.token_hash) IS DISTINCT FROM (changed.user_id, changed.token_hash)
       OR changed.idle_expires_at < before.idle_expires_at
    GROUP BY hash;
    RETURN NULL;
END
$$;

CREATE TRIGGER sessions_inserted AFTER INSERT ON sessions REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_sessions();
CREATE TRIGGER sessions_updated AFTER UPDATE ON sessions REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_updated_sessions();
CREATE TRIGGER sessions_deleted AFTER DELETE ON sessions REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION invalidate_sessions();
