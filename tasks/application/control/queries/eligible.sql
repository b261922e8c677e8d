-- Whom there is to write to: enrolments that go on, of campaigns that run and of campaigns that are paused.
SELECT
    count(*) FILTER (WHERE c.{campaigns.status} IN {campaigns.statuses.running}) AS eligible,
    count(*) FILTER (WHERE c.{campaigns.status} IN {campaigns.statuses.paused}) AS paused,
    count(DISTINCT c.{campaigns.id}) FILTER (WHERE c.{campaigns.status} IN {campaigns.statuses.running}) AS running
FROM {enrolments} AS e
JOIN {campaigns} AS c ON c.{campaigns.id} = e.{enrolments.campaign}
WHERE e.{enrolments.status} IN {enrolments.statuses.active}
