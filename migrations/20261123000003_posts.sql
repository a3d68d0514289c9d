-- Posts. Their order is the order of their ids (UUIDv7), everywhere.
CREATE TABLE posts (
    id         uuid        CONSTRAINT posts_pkey PRIMARY KEY,
    author_id  uuid        NOT NULL CONSTRAINT posts_author_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    body       text        NOT NULL,
    version    bigint      NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- An author's newest posts: timelines, the author's page, the lateral join behind a home page.
CREATE INDEX posts_author_id_idx ON posts (author_id, id DESC);
