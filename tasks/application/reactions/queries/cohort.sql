-- Of the mails that went out between two instants, to how many it ever happened: the same mails above and below.
WITH cohort AS MATERIALIZED (
    SELECT s.{sends.id} AS id
    FROM {sends} AS s
    WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} < %(until)s
      AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
)
SELECT
    (SELECT count(*) FROM cohort) AS mails,
    (
        SELECT count(DISTINCT e.{events.send})
        FROM {events} AS e
        JOIN cohort ON cohort.id = e.{events.send}
        -- Nobody reacts before it went out.
        WHERE e.{events.type} IN {events.types.{kind}} AND e.{events.at} >= %(since)s
    ) AS reacted
