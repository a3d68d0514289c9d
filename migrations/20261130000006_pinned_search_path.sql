-- The trigger functions find the outbox wherever they were installed, whatever the search_path of the session that writes:
-- pg_restore sets an empty one, and other programs have their own. pg_temp stands last, or a temporary table would come first.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'invalidate_users', 'invalidate_posts', 'invalidate_edited_posts', 'invalidate_follows', 'invalidate_moved_follows',
        'invalidate_sessions', 'invalidate_updated_sessions'
    ] LOOP
        EXECUTE format('ALTER FUNCTION %1$I.%2$I() SET search_path = %1$I, pg_temp', current_schema(), name);
    END LOOP;
END
$$;
