-- login_role
-- A role as it stands in the way of a login, and whether we may change it; the server quotes its name.
SELECT
    r.rolname AS name,
    r.rolcanlogin AS may_log_in,
    r.rolconnlimit AS "limit",
    r.rolvaliduntil < clock_timestamp() AS expired,
    r.rolvaliduntil::text AS valid_until,
    r.rolsuper AS superuser,
    format('%%I', r.rolname) AS quoted,
    format('ALTER ROLE %%I', r.rolname) AS alter_role,
    format($$ALTER ROLE %%I VALID UNTIL 'infinity';$$, r.rolname) AS extend,
    format('GRANT %%I TO %%I WITH ADMIN OPTION', r.rolname, me.rolname) AS grant_admin,
    format('ALTER ROLE %%I CREATEROLE', me.rolname) AS grant_createrole,
    me.rolname AS me,
    me.rolsuper OR (
        me.rolcreaterole AND NOT r.rolsuper AND NOT r.rolreplication
        -- Since 16 CREATEROLE alone does not do.
        AND (
            current_setting('server_version_num')::int < 160000
            OR pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')
        )
    ) AS may_change,
    (SELECT count(*) FROM pg_roles WHERE rolcanlogin)::int AS login_roles,
    (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid AND a.backend_type = 'client backend')::int
        AS sessions
FROM pg_roles r
JOIN pg_roles me ON me.rolname = current_user
WHERE r.rolname = %(role)s
