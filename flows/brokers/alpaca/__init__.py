"""Alpaca behind the port of brokers. Its client is loaded when a broker is made, not when this package is imported."""
