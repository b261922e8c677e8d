-- May rows of this table be copied under a key of their own: is there no other rule of uniqueness?
SELECT NOT EXISTS (
    SELECT FROM pg_index i WHERE i.indrelid = %(table)s::oid AND i.indisunique AND NOT i.indisprimary
) AS may_copy
