"""How the settings are grouped in the document of the rules, and what is said of each group."""

from typing import Any, Final, NamedTuple

from flows.settings import load
from operators.config import EngineSettings
from operators.exits import WIDE
from operators.gate import IV_SESSIONS_LEAST
from operators.signals import HIGH_CONVICTION


class Group(NamedTuple):
    """Settings that belong together; `template` is filled with settings and constants by name."""

    title: str
    template: str
    names: tuple[str, ...]

    def words(self) -> str:
        """The sentences before the table; raises KeyError for a name that is neither a setting nor known here."""
        return self.template.format_map(_figures())


def _figures() -> dict[str, Any]:
    """What the sentences may name: every default, that fraction or percent in its other form, a few constants."""
    scalp, engine = load()
    return {
        **scalp.model_dump(),
        **engine.model_dump(),
        "spread_in_percent": f"{scalp.max_spread_pct * 100:g} %",
        "fund_spread_as_fraction": f"{scalp.etf_max_spread_pct / 100:g}",
        "high_conviction": f"{HIGH_CONVICTION:g}",
        "iv_sessions": IV_SESSIONS_LEAST,
        "wide": f"{WIDE:g}",
        "theta_in_percent": f"{scalp.max_theta_burn_pct * 100:g} %",
    }


GROUPS: Final = (
    Group(
        "Instruments",
        "Which signals may trade. Signals are made for every ticker with bars; one that is not listed here is recorded "
        "and refused. Signals of SPY buy SPX options only where the account may trade them.",
        ("scalp_tickers", "allow_spx", "stock_zero_dte", "allow_etn"),
    ),
    Group(
        "Signals",
        "A signal is a change of colour of the fast cloud at the close of a bar with enough volume. Its conviction is "
        "a sum of points: {high_conviction} and more take the full size, less takes half, and under "
        "`min_conviction_to_scalp` there is no trade.",
        (
            *("entry_timeframe_minutes", "volume_ratio_min", "cloud_source", "cloud_warmup_multiple"),
            *("min_conviction_to_scalp", "require_macro_alignment"),
        ),
    ),
    Group(
        "Strike",
        "Four filters judge every contract: delta, spread, open interest, volume. Ratios are fractions: "
        "`max_spread_pct` = {max_spread_pct} is {spread_in_percent} of the mid. DTE counts the sessions to expiry: an "
        "option of 0DTE expires this session.",
        ("target_delta_min", "target_delta_max", "max_spread_pct", "min_open_interest", "min_volume"),
    ),
    Group(
        "Gate",
        "Asked of options that live longer than this session; one of 0DTE is asked for delta and spread "
        "alone. An IV rank is known from {iv_sessions} recorded sessions on; until then it is unknown, and "
        "`iv_rank_unknown` says what that means (`{iv_rank_unknown}` by default). `theta_basis` = `hold` asks what "
        "{planned_hold_minutes} minutes of holding cost (`planned_hold_minutes`). `day` asks what a whole day "
        "costs, and at {theta_in_percent} refuses practically every option that lives longer than this session.",
        (
            *("max_iv_rank", "iv_rank_kind", "iv_rank_unknown", "max_theta_burn_pct", "theta_basis"),
            *("planned_hold_minutes", "max_gamma"),
        ),
    ),
    Group(
        "Risk and size",
        "A scalp is sized so that its stop costs the given fraction of equity at most. Nothing is forced: where the "
        "budget does not pay for one contract there is no trade. Caps cut an entry, or refuse it where too little is "
        "left.",
        (
            *("max_risk_per_scalp", "max_total_premium_fraction", "max_concurrent_scalps", "no_average_up"),
            *("max_gross_leverage", "max_scalps_per_day", "max_order_contracts", "max_order_shares"),
            *("max_order_notional_fraction", "daily_loss_limit"),
        ),
    ),
    Group(
        "Timing",
        "Times are New York's. On an early close the cut-offs come earlier by as much as the close does. An entry "
        "needs at least `min_minutes_to_exit` before its time exit, and after a stop the ticker rests.",
        (
            *("scalp_start_time", "zero_dte_cutoff", "one_dte_cutoff", "min_minutes_to_exit", "cooldown_minutes"),
            *("no_scalp_around_fomc", "fomc_flatten"),
        ),
    ),
    Group(
        "Execution",
        "Entries are limit orders a little over the mid and never above the ask, cancelled when they are not filled in "
        "time; what filled by then is kept. Options never take market orders.",
        ("entry_order_type", "limit_offset", "fill_timeout_seconds"),
    ),
    Group(
        "Exit levels",
        "Measured on the average price paid for the option or the fund itself, never on the underlying. An option "
        "whose spread is wider than {wide} times `max_spread_pct` is stopped when a second quote says so too, when the "
        "first has stood for a while, or when its ask is at the stop as well.",
        ("max_loss_pct", "profit_target_pct", "etf_stop_loss_pct", "etf_profit_target_pct"),
    ),
    Group(
        "Funds",
        "A falling ticker buys the inverse fund; nothing is sold short. Mind the one setting in percent: "
        "`etf_max_spread_pct` = {etf_max_spread_pct} is {etf_max_spread_pct} %, a fraction of "
        "{fund_spread_as_fraction}.",
        (
            *("etf_prefer_3x", "etf_sector_mapping_enabled", "etf_min_daily_volume", "etf_max_spread_pct"),
            *("etf_max_risk_per_scalp", "etf_leverage_budget_per_scalp", "etf_max_position_fraction"),
            "etf_max_concurrent_scalps",
        ),
    ),
    Group(
        "Engine",
        "What surrounds the rules: how old data may be, how the paper exchange behaves, what the account is. On "
        "minute data an age limit is as long as the data needs.",
        tuple(EngineSettings.model_fields),
    ),
)
