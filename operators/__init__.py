"""What we think: the rules of the engine, without I/O, clock, randomness or broker."""
