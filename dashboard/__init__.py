"""What we see: the page over the database."""
