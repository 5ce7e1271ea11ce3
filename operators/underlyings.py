"""Whose options a signal may buy, and their chain with Greeks."""

from collections.abc import Callable

from msgspec.structs import replace

from operators import catalog, chains, sessions
from operators.codes import Refusal
from operators.config import EngineSettings, ScalpConfig
from operators.events import SECOND_NS
from operators.intents import Ticket, Verdict, not_evaluated
from operators.moments import ChainView, View


def price_chain(config: ScalpConfig, settings: EngineSettings) -> Callable[[Ticket], Ticket]:
    """The rule that gives a ticket the priced chain of its underlying, or says why it has none.

    Signals of SPY buy the index's options instead of its own where the account may trade them, `allow_spx` is true and
    the index is among `scalp_tickers`. Source: product rule "SPX".
    """

    def give(ticket: Ticket) -> Ticket:
        underlying = _underlying(ticket.setup.ticker, config, settings)
        if underlying in catalog.INDEX_OF.values():
            ticket = ticket.judged(option=_permission(underlying, config, settings))
        view, at_ns = ticket.setup.view, ticket.setup.at_ns
        chain = view.chains.get(underlying)
        missing = _missing(underlying, chain, view)
        if chain is None or missing is not None:
            return ticket.judged(option=not_evaluated(Refusal.NO_CHAIN, missing or ""))
        if not sessions.covers(at_ns):
            return ticket
        return replace(ticket, chain=chains.price(chain, at_ns, settings.risk_free_rate))

    return give


def _underlying(ticker: str, config: ScalpConfig, settings: EngineSettings) -> str:
    index = catalog.INDEX_OF.get(ticker)
    wanted = index is not None and index in config.scalp_tickers
    return index if index is not None and wanted and config.allow_spx and settings.index_options else ticker


def _permission(underlying: str, config: ScalpConfig, settings: EngineSettings) -> Verdict:
    if not config.allow_spx:
        return Verdict(Refusal.PERMISSION, False, reason="allow_spx is false")
    reason = None if settings.index_options else f"index_options is false: the account may not trade {underlying}"
    return Verdict(Refusal.PERMISSION, settings.index_options, reason=reason)


def _missing(underlying: str, chain: ChainView | None, view: View) -> str | None:
    """Why there is no chain to choose from; None if there is one."""
    if chain is None:
        return f"the tape has no option chain of {underlying}"
    if chain.age_ns <= view.chains_max_age_ns:
        return None
    age, most = chain.age_ns / SECOND_NS, view.chains_max_age_ns / SECOND_NS
    return f"the chain of {underlying} is {age:.0f} s old, limit {most:.0f} s"
