"""How long to wait before a broken connection is tried again."""

from typing import Final, NamedTuple


class Backoff(NamedTuple):
    """How long to wait before connecting again: twice as long each time, up to a limit, half of it by chance.

    Half by chance, so that many clients do not come back in step.
    """

    first_seconds: float = 0.5
    longest_seconds: float = 30.0

    def seconds(self, failures: int, chance: float) -> float:
        """The wait after so many failures in a row, from 1; `chance` is from 0 to 1."""
        whole = min(self.first_seconds * 2.0 ** min(failures - 1, 30), self.longest_seconds)
        return whole * (0.5 + 0.5 * chance)


USUAL: Final = Backoff()
