-- Leads that are marked, and still get mail: with how many enrolments that go on.
SELECT
    l.{leads.id}::text AS lead,
    [[lower(right(split_part(l.{leads.email}::text, '@', 2), 255)) AS domain,]]
    count(*) AS enrolments,
    (count(*) OVER ())::bigint AS total
FROM {leads} AS l
JOIN {enrolments} AS e ON e.{enrolments.lead} = l.{leads.id}
WHERE l.{leads.status} IN {leads.statuses.invalid} AND e.{enrolments.status} IN {enrolments.statuses.active}
GROUP BY l.{leads.id}[[, l.{leads.email}]]
ORDER BY l.{leads.id}
LIMIT %(most)s
