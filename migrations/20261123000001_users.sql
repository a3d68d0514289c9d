-- Users, the owners of everything else.
--
-- Ids are UUIDv7 made by the application: newest first is "by id, descending", so lists page over the primary key.
CREATE TABLE users (
    id            uuid        CONSTRAINT users_pkey PRIMARY KEY,
    -- Kept as written. ASCII only (the application refuses the rest), so the C collation orders and folds it exactly.
    username      text        COLLATE "C" NOT NULL,
    display_name  text        NOT NULL,
    bio           text,
    -- A PHC string, which carries its own parameters and salt.
    password_hash text        NOT NULL,
    -- Counts the changes of this row; the ETag of the user. Only ever goes up.
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT users_username_length CHECK (char_length(username) BETWEEN 3 AND 30)
);

-- Unique without regard to case; also how a name is looked up at sign-in.
CREATE UNIQUE INDEX users_username_key ON users (lower(username));
