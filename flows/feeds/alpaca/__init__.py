"""The market of Alpaca, by its own client: loaded when a feed is built or days are imported, and by nobody else."""
