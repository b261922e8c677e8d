-- A stack that is not started again for so long has a part for all the rest.
SELECT incident.add_months(now() + interval '1 year')
