"""An engine whose orders go to a broker: what it decides is sent once, what the broker says comes home by the tape."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.brokers.port import Unclear
from flows.brokers.thread import RECONCILED
from flows.engine import watch
from flows.engine.placing import NoAccount
from flows.engine.process import Engine, Plan
from flows.runs import Options, prepare
from flows.settings import load
from flows.tape.segments import Segments
from operators.answers import Answer, Execution
from operators.events import AnyEvent, Bar, Command, Intent
from tests.fakes.exchange import Exchange
from tests.kills import market_tape
from tests.lockstep import LIMIT_SECONDS, LockStep

pytestmark = pytest.mark.slow
SOON = 10_000
"""Events: the history and the first minutes of the session."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine's database may be seconds behind: that ends entries, which is not what is looked at here."""
    monkeypatch.setattr(watch, "BEHIND_SECONDS", LIMIT_SECONDS)


class Filling(Exchange):
    """Fills every order at its limit, at once."""

    async def submit(self, intent: Intent) -> Answer:
        answer = await super().submit(intent)
        assert intent.limit_micros is not None
        self.fill(intent.client_order_id, intent.quantity, intent.limit_micros)
        return answer


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("market") / "market.tape")


def engine(
    folder: Path, market: Path, exchange: Exchange, seen: Callable[[AnyEvent], None] = lambda _: None, account: str = ""
) -> Engine:
    feed = LockStep(market)
    feed.release = seen  # type: ignore[method-assign]  # a test looks on
    plan = Plan(folder / "state", f"sqlite:///{folder}/records.db", account, "both", load(), 1e6, broker=exchange)
    made = Engine(plan, lambda _: feed)
    feed.engine = made
    return made


def test_a_session_is_traded_and_its_tape_replays_as_recorded(market: Path, tmp_path: Path) -> None:
    exchange = Filling()
    one = engine(tmp_path, market, exchange)
    one.run()
    tape = list(Segments(one.folder.tape).events())
    intents = [event.client_order_id for event in tape if isinstance(event, Intent)]
    fills = [event for event in tape if isinstance(event, Execution)]
    assert len(intents) > 4
    assert exchange.accepted == dict.fromkeys(intents, 1)
    assert {fill.execution_id for fill in fills} == {done.execution_id for done in exchange.done}
    assert not any(exchange.bought.values())
    again = f"sqlite:///{tmp_path}/again.db"
    run, flow = prepare([one.folder.tape], Options(database=again))
    run.execute(flow)
    assert run.echoes is not None
    assert (run.echoes.missing, run.echoes.compared > len(intents)) == ([], True)


def test_a_resume_opens_nothing_while_the_account_is_not_reconciled(market: Path, tmp_path: Path) -> None:
    exchange = Filling()
    exchange.mute = True  # its stream never comes up

    def resume_again_and_again(event: AnyEvent) -> None:
        if isinstance(event, Bar) and not event.history:
            one.put(Command(0, 0, 0, "resume", "a person"))

    one = engine(tmp_path, market, exchange, resume_again_and_again)
    one.run()
    tape = list(Segments(one.folder.tape).events())
    assert exchange.accepted == {}
    resumes = [place for place, event in enumerate(tape) if isinstance(event, Command) and event.action == "resume"]
    reasons = [
        event.argument for event in tape[resumes[0] :] if isinstance(event, Command) and event.action == "reduce"
    ]
    said_again = [reason for reason in reasons if reason.startswith(RECONCILED)]
    assert set(said_again) == {f"{RECONCILED}: not looked at yet"}
    assert 0 < len(said_again) <= len(resumes)


def test_a_kill_lets_no_entry_out_and_sells_what_is_held(market: Path, tmp_path: Path) -> None:
    exchange, killed = Filling(), list[int]()

    def kill_once_held(event: AnyEvent) -> None:
        if any(exchange.bought.values()) and not killed:
            killed.append(len(exchange.accepted))
            one.put(Command(0, 0, 0, "kill", "a person"))
        elif killed and not any(exchange.bought.values()):
            one.stopping.set()

    one = engine(tmp_path, market, exchange, kill_once_held)
    one.run()
    sides = [order.intent.side for order in exchange.orders.values()]
    assert killed
    assert "buy" not in sides[killed[0] :]
    assert not any(exchange.bought.values())


def test_the_feed_can_see_what_is_held(market: Path, tmp_path: Path) -> None:
    exchange, seen = Filling(), list[tuple[frozenset[str], set[str]]]()

    def look(event: AnyEvent) -> None:
        if any(exchange.bought.values()) and not one.stopping.is_set():
            seen.append((one.feed.held(), set(+exchange.bought)))
            one.stopping.set()

    one = engine(tmp_path, market, exchange, look)
    assert one.feed.held() == frozenset()
    one.run()
    ((known, bought),) = seen
    assert bought
    assert known == bought


def test_the_feed_can_see_which_bars_are_known_also_after_a_start(market: Path, tmp_path: Path) -> None:
    def end_soon(event: AnyEvent) -> None:
        if event.seq > SOON:
            one.stopping.set()

    one = engine(tmp_path, market, Filling(), end_soon)
    assert one.feed.closes() == {}
    one.run()
    newest = {event.ticker: event.event_ns for event in Segments(one.folder.tape).events() if isinstance(event, Bar)}
    again = engine(tmp_path, market, Filling())
    assert newest
    assert one.feed.closes() == again.feed.closes() == newest
    again.stopping.set()
    again.run()


def test_an_engine_goes_on_with_its_account_where_it_ended(market: Path, tmp_path: Path) -> None:
    exchange = Filling()

    def stop_once_held(event: AnyEvent) -> None:
        if any(exchange.bought.values()):
            one.stopping.set()

    def stop_once_flat(event: AnyEvent) -> None:
        if not any(exchange.bought.values()):
            again.stopping.set()

    one = engine(tmp_path, market, exchange, stop_once_held)
    one.run()
    held = +exchange.bought
    assert held
    again = engine(tmp_path, market, exchange, stop_once_flat)
    again.run()
    assert not any(exchange.bought.values())
    assert set(exchange.accepted.values()) == {1}
    assert again.started.equity_micros == one.started.equity_micros == 10**11


def test_a_difference_ends_entries_and_names_both_sides(market: Path, tmp_path: Path) -> None:
    exchange, lost = Filling(), list[str]()

    def lose(event: AnyEvent) -> None:
        if not any(exchange.bought.values()) or one.stopping.is_set():
            return
        lost.extend(+exchange.bought)
        exchange.bought[lost[0]] = 1
        exchange.reconnect_from_outside()
        feed.until(lambda: lost[0] in one.desks.books["live:X1"].book.trading_reason)
        one.stopping.set()

    one = engine(tmp_path, market, exchange, lose)
    feed = one.feed
    assert isinstance(feed, LockStep)
    one.run()
    reasons = [event.argument for event in Segments(one.folder.tape).events() if isinstance(event, Command)]
    assert any(reason.startswith(RECONCILED) and "1 at the broker" in reason for reason in reasons), reasons


class TestStart:
    def test_a_broker_that_does_not_answer_begins_no_book(self, market: Path, tmp_path: Path) -> None:
        exchange = Exchange()
        exchange.before["account"].append(Unclear("no route to host"))
        with pytest.raises(NoAccount, match="exchange does not say which account this is: no route to host"):
            engine(tmp_path, market, exchange)

    def test_another_account_than_the_one_named_is_refused(self, market: Path, tmp_path: Path) -> None:
        with pytest.raises(NoAccount, match="exchange says that this is account X1, not X2: check the keys"):
            engine(tmp_path, market, Exchange(), account="X2")

    def test_an_account_without_money_is_refused(self, market: Path, tmp_path: Path) -> None:
        exchange = Exchange()
        exchange.equity_micros = 0
        with pytest.raises(NoAccount, match="account X1 has 0.000000 USD"):
            engine(tmp_path, market, exchange)

    def test_a_paper_book_goes_on_at_no_broker(self, market: Path, tmp_path: Path) -> None:
        feed = LockStep(market)
        plan = Plan(tmp_path / "state", f"sqlite:///{tmp_path}/records.db", "X1", "both", load(), 1e6)
        feed.engine = paper = Engine(plan, lambda _: feed)
        paper.stopping.set()
        paper.run()
        with pytest.raises(NoAccount, match="this state is that of paper:X1, on paper: name another --state"):
            engine(tmp_path, market, Exchange())
