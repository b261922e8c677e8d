-- set_password
-- The line that gives a role a password, the name quoted by the server; %%L takes the verifier, never a password.
SELECT format('ALTER ROLE %%I PASSWORD %%L', %(role)s::text, %(verifier)s::text) AS line
