SELECT count(*) AS rows FROM {relation}
