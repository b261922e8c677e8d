-- How CREATE DATABASE is told to make one that sorts and writes like this one; 15 and later.
SELECT 'ENCODING ' || quote_literal(pg_encoding_to_char(encoding)) ||
    ' LC_COLLATE ' || quote_literal(datcollate) || ' LC_CTYPE ' || quote_literal(datctype) ||
    CASE datlocprovider WHEN 'i' THEN ' LOCALE_PROVIDER icu ICU_LOCALE ' || quote_literal({locale})
        WHEN 'b' THEN ' LOCALE_PROVIDER builtin BUILTIN_LOCALE ' || quote_literal({locale}) ELSE ' LOCALE_PROVIDER libc' END
    AS locale
FROM pg_database WHERE datname = current_database()
