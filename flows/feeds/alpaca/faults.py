"""What Alpaca refuses and what it does not answer. This module loads no client."""


class WrongKeys(Exception):
    """Alpaca refuses the keys, or they may not see this market: to try again is of no use."""


class Unanswered(Exception):
    """A question that Alpaca did not answer, or not in a way that can be read; the message says which and why."""


class Occupied(Exception):
    """Alpaca allows one connection to a stream and has one: perhaps our own, which it has not missed yet."""


class BadDays(ValueError):
    """Days that cannot be imported as they were asked for; the message names the day or the ticker."""
