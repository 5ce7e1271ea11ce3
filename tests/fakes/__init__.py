"""Brokers that are not: each a process of its own that speaks a broker's protocol on loopback."""
