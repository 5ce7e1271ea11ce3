"""Brokers: one port, an adapter each, and the thread between them and the tape."""
