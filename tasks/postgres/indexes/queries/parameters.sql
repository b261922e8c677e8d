-- How many values this prepared statement takes.
SELECT coalesce(cardinality(p.parameter_types), 0) AS parameters FROM pg_prepared_statements p WHERE p.name = %(name)s
