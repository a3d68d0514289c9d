-- A user is deleted in one small transaction: the row of `users` and the sessions go. What else belonged to the user, maybe
-- a million rows, is not shown any more and goes in batches afterwards. A row here is an account of which rows may be left.
CREATE TABLE account_deletions (
    user_id    uuid        CONSTRAINT account_deletions_pkey PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- They deleted it all in the transaction of the user. Nothing can begin to refer to a user who is gone: a writer of posts or
-- follows locks the users' rows first.
ALTER TABLE posts DROP CONSTRAINT posts_author_id_fkey;
ALTER TABLE follows DROP CONSTRAINT follows_follower_id_fkey;
ALTER TABLE follows DROP CONSTRAINT follows_followee_id_fkey;

-- Whoever deletes the user.
-- With the rights of the owner: a role that may delete users needs none on this table.
CREATE FUNCTION delete_accounts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO account_deletions (user_id) SELECT id FROM changed ON CONFLICT (user_id) DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER accounts_deleted AFTER DELETE ON users REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION delete_accounts();

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION %1$I.delete_accounts() SET search_path = %1$I, pg_temp', current_schema());
END
$$;
