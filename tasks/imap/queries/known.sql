-- Which of these message ids are of mails that were sent.
SELECT DISTINCT btrim(s.{sends.message_id}::text, '<>') AS message_id
FROM {sends} AS s
WHERE s.{sends.message_id} = ANY(%(ids)s)
