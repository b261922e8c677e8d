s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} <= now()
    ORDER BY s.{sends.sent_at} DESC
