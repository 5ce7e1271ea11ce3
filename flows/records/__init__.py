"""What the desk decided, kept in a database: tables, ledger, queries, exports."""
