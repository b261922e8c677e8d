-- The enrolments of exactly these leads that go on.
SELECT
    e.{enrolments.id}::text AS key,
    [[e.{enrolments.reason}::text AS reason,]]
    e.{enrolments.status}::text AS status
FROM jsonb_populate_recordset(NULL::{leads}, %(leads)s::jsonb) AS l
JOIN {enrolments} AS e ON e.{enrolments.lead} = l.{leads.id}
WHERE e.{enrolments.status} IN {enrolments.statuses.active}
ORDER BY e.{enrolments.id}
LIMIT %(most)s
