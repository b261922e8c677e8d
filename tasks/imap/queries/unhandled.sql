-- Which of these message ids are of mails that were sent, and whether an answer to each was taken in.
SELECT btrim(s.{sends.message_id}::text, '<>') AS message_id,
       bool_or(EXISTS (
           SELECT 1
           FROM {events} AS e
           WHERE e.{events.send} = s.{sends.id} AND e.{events.type} IN {events.types.reply}
       )) AS handled
FROM {sends} AS s
WHERE s.{sends.message_id} = ANY(%(ids)s)
GROUP BY 1
