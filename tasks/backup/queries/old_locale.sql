-- How CREATE DATABASE is told to make one that sorts and writes like this one; before 15.
SELECT 'ENCODING ' || quote_literal(pg_encoding_to_char(encoding)) ||
    ' LC_COLLATE ' || quote_literal(datcollate) || ' LC_CTYPE ' || quote_literal(datctype) AS locale
FROM pg_database WHERE datname = current_database()
