SELECT count(*) AS rows FROM incident.{part} WHERE at < %(before)s
