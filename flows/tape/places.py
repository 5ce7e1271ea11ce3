"""Where an importer's events stand on the tape."""


class Places:
    """Gives events their place: seq from 1, `at_ns` never before the event and always later than the last one's."""

    def __init__(self) -> None:
        self.seq = self.at_ns = 0

    def place(self, event_ns: int) -> tuple[int, int, int]:
        """The seq, `at_ns` and `event_ns` of the next event, which happened at `event_ns`; both times UTC ns."""
        self.seq, self.at_ns = self.seq + 1, max(self.at_ns + 1, event_ns)
        return self.seq, self.at_ns, event_ns
