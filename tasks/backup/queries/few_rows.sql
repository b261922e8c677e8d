-- How many rows a table has; counted no further than to that many.
SELECT count(*) AS rows FROM (SELECT FROM ONLY {ident} LIMIT %(most)s) AS first
