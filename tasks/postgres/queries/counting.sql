-- Part of other questions: since when this database's counters count (`since`), and how their count `began`.
-- They outlive a clean restart. A crash empties all of them, and since Postgres 15 no database says so; these three do,
-- and keep it. Each of them can be reset by hand too, so the earliest tells. Before 15 a database's own moment is that of
-- its making, of a crash or of a reset alike.
emptied AS (
    SELECT least(a.stats_reset, w.stats_reset, (SELECT min(s.stats_reset) FROM pg_stat_slru s)) AS at
    FROM pg_stat_archiver a, pg_stat_bgwriter w
),
-- What was a standby counted only its own: not what its primary did. Its later restarts are taken for the promotion.
promoted AS (
    SELECT a.backend_start AS at
    FROM pg_stat_activity a
    WHERE a.backend_type = 'walwriter'
        AND CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END > '00000001'
),
counting AS (
    SELECT c.*, concat_ws(' ', c.datid, c.since) AS count,
        CASE c.since
            WHEN c.reset THEN CASE WHEN current_setting('server_version_num')::int >= 150000
                THEN 'the counters were reset'
                ELSE 'the database was made, the server crashed, or the counters were reset'
            END
            WHEN c.promoted THEN 'the server stopped being a standby, or was restarted after that'
            ELSE 'the server was made, restored, or crashed'
        END AS began
    FROM (
        SELECT d.datid, d.stats_reset AS reset, e.at AS emptied, p.at AS promoted,
            greatest(d.stats_reset, e.at, p.at) AS since
        FROM emptied e
        JOIN pg_stat_database d ON d.datname = current_database()
        LEFT JOIN promoted p ON true
    ) c
)
