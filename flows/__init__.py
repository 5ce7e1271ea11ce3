"""What we touch: tape, database, brokers and feeds, and the one dataflow between them."""
