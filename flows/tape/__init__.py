"""The tape: everything that the engine saw, in order, in one file."""
