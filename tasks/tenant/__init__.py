"""One tenant's rows of shared tables: taken out of a database, and brought into another."""
