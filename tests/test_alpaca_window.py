"""Which contracts are streamed: nearest the money, within the budget, centred again when the price has moved enough."""

from msgspec.structs import replace

from flows.feeds.alpaca.window import Window, nearest
from operators.events import Contracts
from tests.alpaca_market import CALL, DAY, PUT, listed

SYMBOLS, RIGHTS, STRIKES, EXPIRIES = listed()
TABLE = Contracts(0, 0, 0, "SPY", SYMBOLS, RIGHTS, STRIKES, EXPIRIES, (False,) * len(SYMBOLS))
TOMORROWS = "SPY260303C00680000"
AT_680 = {CALL, PUT, TOMORROWS}


def strikes(window: Window) -> set[int]:
    """Strikes of what is wanted, in dollars."""
    return {int(symbol[-8:-3]) for symbol in window.wanted}


def centred(spot: float, budget: int = 9, underlyings: int = 1) -> Window:
    window = Window(budget, underlyings)
    window.centre(TABLE, spot)
    return window


def test_the_nearest_strikes_come_first_and_of_one_strike_the_nearest_expiry() -> None:
    assert nearest(TABLE, 680.2, 3) == (CALL, PUT, TOMORROWS)
    assert nearest(TABLE, 680.2, 4)[3] == "SPY260302C00681000"


def test_a_window_of_more_than_all_contracts_is_all_of_them() -> None:
    assert centred(680.0, budget=1_000).wanted == set(SYMBOLS)


def test_the_budget_is_shared_by_the_underlyings() -> None:
    window = centred(680.0, budget=6, underlyings=2)
    other = replace(TABLE, underlying="XYZ", symbols=tuple(symbol.replace("SPY", "XYZ") for symbol in SYMBOLS))
    window.centre(other, 685.0)
    others = {f"XYZ{symbol[3:]}".replace("C00680", "C00685").replace("P00680", "P00685") for symbol in AT_680}
    assert window.wanted == AT_680 | others


def test_a_price_that_has_gone_a_quarter_of_the_way_to_the_edge_moves_it() -> None:
    window = centred(680.0)
    window.changed.clear()
    # Three contracts a strike: 679, 680 and 681, the edge is a dollar away.
    assert strikes(window) == {679, 680, 681}
    window.centre(TABLE, 680.25)
    assert not window.changed.is_set()
    window.centre(TABLE, 680.51)
    assert (window.changed.is_set(), strikes(window)) == (True, {680, 681, 682})


def test_a_new_table_moves_it_at_once() -> None:
    window = centred(680.0)
    window.changed.clear()
    window.centre(replace(TABLE, expiries=(DAY,) * len(SYMBOLS)), 680.6)
    assert (window.changed.is_set(), strikes(window)) == (True, {680, 681, 682})


def test_a_move_that_changes_no_contract_is_no_change() -> None:
    window = centred(680.0, budget=1_000)
    window.changed.clear()
    window.centre(TABLE, 688.0)
    assert not window.changed.is_set()


def test_what_is_held_stays_within_the_budget_wherever_the_price_goes() -> None:
    window, far = Window(9, 1), CALL.replace("680000", "671000")
    window.centre(TABLE, 680.0, {far})
    assert window.wanted == {*nearest(TABLE, 680.0, 8), far}
    window.centre(TABLE, 688.0, {far})
    assert window.wanted == {*nearest(TABLE, 688.0, 8), far}


def test_what_is_held_anew_is_wanted_although_the_price_has_not_moved() -> None:
    window, far = centred(680.0), CALL.replace("680000", "671000")
    window.changed.clear()
    window.centre(TABLE, 680.0, {far})
    assert (window.changed.is_set(), far in window.wanted) == (True, True)
    window.changed.clear()
    window.centre(TABLE, 680.0)
    assert (window.changed.is_set(), window.wanted) == (True, set(nearest(TABLE, 680.0, 9)))


def test_more_held_than_the_budget_is_all_wanted() -> None:
    window, held = Window(3, 1), set(nearest(TABLE, 671.0, 5))
    window.centre(TABLE, 680.0, held)
    assert window.wanted == held
