-- Sessions: the truth behind the session cells in Redis, so that a Redis that lost its data signs nobody out.
CREATE TABLE sessions (
    id              uuid        CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the token. The token itself is shown to its owner once and stored nowhere.
    token_hash      bytea       NOT NULL CONSTRAINT sessions_token_hash_key UNIQUE,
    created_at      timestamptz NOT NULL,
    -- Written back rarely and in batches: may lag by a minute.
    last_seen_at    timestamptz NOT NULL,
    -- Moves on while the session is used; never beyond expires_at.
    idle_expires_at timestamptz NOT NULL,
    -- The absolute end; never moves.
    expires_at      timestamptz NOT NULL,
    address         text        NOT NULL,
    user_agent      text,
    CONSTRAINT sessions_token_hash_length CHECK (octet_length(token_hash) = 32),
    CONSTRAINT sessions_idle_within_absolute CHECK (idle_expires_at <= expires_at)
);

-- Somebody's own sessions, oldest first (UUIDv7): listing, the cap of 100, sign-out everywhere, ON DELETE CASCADE.
CREATE INDEX sessions_user_id_idx ON sessions (user_id, id);
