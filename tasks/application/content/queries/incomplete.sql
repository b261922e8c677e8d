-- Leads that still get mail and have no address, or no name to be greeted by; blanks of every kind are none.
SELECT
    l.{leads.id}::text AS lead,
    l.{leads.email} IS NULL OR left(l.{leads.email}::text, 300) !~ '[^[:space:]\u00a0]' AS no_address,
    l.{leads.name} IS NULL OR left(l.{leads.name}::text, 300) !~ '[^[:space:]\u00a0]' AS no_name,
    count(*) AS enrolments,
    (count(*) OVER ())::bigint AS total
FROM {leads} AS l
JOIN {enrolments} AS e ON e.{enrolments.lead} = l.{leads.id} AND e.{enrolments.status} IN {enrolments.statuses.active}
WHERE l.{leads.email} IS NULL OR left(l.{leads.email}::text, 300) !~ '[^[:space:]\u00a0]'
   OR l.{leads.name} IS NULL OR left(l.{leads.name}::text, 300) !~ '[^[:space:]\u00a0]'
GROUP BY l.{leads.id}, l.{leads.email}, l.{leads.name}
ORDER BY l.{leads.id}
LIMIT %(most)s
