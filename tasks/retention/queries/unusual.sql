-- The values to be kept that no row of the table has: a typing error would delete what was meant to stay.
SELECT value FROM unnest(%(values)s::text[]) AS given (value)
WHERE NOT EXISTS (SELECT FROM {ident} p WHERE lower(p.{column}::text) = lower(value))
