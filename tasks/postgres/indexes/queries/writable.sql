-- May this role change anything here?
SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only')::bool AS read_only,
    current_user AS "user", format('ALTER ROLE %%I RESET default_transaction_read_only;', current_user) AS for_role,
    format('ALTER DATABASE %%I RESET default_transaction_read_only;', current_database()) AS for_database
