"""Where the events of a market come from."""
