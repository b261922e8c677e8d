s.{sends.status} IN {sends.statuses.queued}
    [[ORDER BY s.{sends.scheduled_for}]]
