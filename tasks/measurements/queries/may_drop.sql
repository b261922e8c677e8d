SELECT current_user::text AS who, pg_has_role(relowner, 'USAGE') AS may FROM pg_class WHERE oid = 'incident.hours'::regclass
