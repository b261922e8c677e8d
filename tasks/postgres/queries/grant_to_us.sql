-- Part of other questions: the line that lets us use {role}. A member that does not inherit has been granted it already.
(
    SELECT CASE
        WHEN NOT pg_has_role(g.role, 'MEMBER')
            THEN format('GRANT %%I TO %%I;', pg_get_userbyid(g.role), current_user)
        -- Since 16 each membership says for itself whether it is used.
        WHEN current_setting('server_version_num')::int >= 160000
            THEN format('GRANT %%I TO %%I WITH INHERIT TRUE;', pg_get_userbyid(g.role), current_user)
        ELSE format('ALTER ROLE %%I INHERIT;', current_user)
    END
    FROM (VALUES ({role})) AS g (role)
)
