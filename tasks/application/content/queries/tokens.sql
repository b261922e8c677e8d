-- Mails of running campaigns in which a token stands, of so many: the beginning of each is read.
WITH mails AS MATERIALIZED (
    SELECT
        s.{sends.id} AS id,
        s.{sends.status} AS status,
        s.{sends.campaign} AS campaign,
        coalesce(left(s.{sends.subject}::text, %(subject)s), '')
            [[|| E'\n' || coalesce(left(s.{sends.body}::text, %(body)s), '')]] AS text
    FROM {sends} AS s
    JOIN {campaigns} AS c ON c.{campaigns.id} = s.{sends.campaign} AND c.{campaigns.status} IN {campaigns.statuses.running}
    WHERE {which}
    LIMIT %(most)s
), found AS (
    SELECT m.id, m.status, m.campaign, left(substring(m.text FROM '{token}'), 40) AS token
    FROM mails AS m
    WHERE m.text ~ '{token}'
)
SELECT
    f.id::text AS key,
    f.status::text AS status,
    f.campaign::text AS campaign,
    [[left(c.{campaigns.name}::text, 100) AS name,]]
    f.token
FROM found AS f
JOIN {campaigns} AS c ON c.{campaigns.id} = f.campaign
ORDER BY f.campaign, f.id
