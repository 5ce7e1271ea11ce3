"""The option leg: which contract a ticket would buy.

No tape carries option chains yet, so every option leg fails with `no_chain`: a contract is never invented.
"""

from operators.codes import Refusal
from operators.intents import Ticket, not_evaluated


def choose(ticket: Ticket) -> Ticket:
    """The ticket with the option leg's contract, or with the reason why there is none."""
    reason = f"the tape has no option chain of {ticket.setup.ticker}"
    return ticket.judged(option=not_evaluated(Refusal.NO_CHAIN, reason))
