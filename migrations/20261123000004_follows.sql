-- Who follows whom.
CREATE TABLE follows (
    follower_id uuid        NOT NULL CONSTRAINT follows_follower_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    followee_id uuid        NOT NULL CONSTRAINT follows_followee_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    CONSTRAINT follows_pkey PRIMARY KEY (follower_id, followee_id),
    CONSTRAINT follows_not_oneself CHECK (follower_id <> followee_id)
);

-- Somebody's followers, newest first. The other direction (at most 2,000 rows) is sorted from the primary key.
CREATE INDEX follows_followee_id_idx ON follows (followee_id, created_at DESC, follower_id DESC);
