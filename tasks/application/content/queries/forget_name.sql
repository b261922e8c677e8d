-- So many leads that still get mail have no name any more; told is what it was.
WITH chosen AS (
    SELECT l.{leads.id} AS id, l.{leads.name} AS name
    FROM {leads} AS l
    WHERE l.{leads.name} IS NOT NULL AND EXISTS (
        SELECT FROM {enrolments} AS e
        WHERE e.{enrolments.lead} = l.{leads.id} AND e.{enrolments.status} IN {enrolments.statuses.active}
    )
    ORDER BY l.{leads.id}
    LIMIT %(leads)s
), changed AS (
    UPDATE {leads} AS l SET {leads.name} = '  ' FROM chosen WHERE l.{leads.id} = chosen.id
)
SELECT id::text, name::text FROM chosen
