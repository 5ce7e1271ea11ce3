"""The settings: ScalpConfig holds the rules of trading, EngineSettings the limits of the machine around them.

ScalpConfig keeps the field names and defaults that the user gave. Ratios are fractions (0.10 is 10 %), with one
exception by name: `etf_max_spread_pct` is in percent (0.05 is 0.0005). Each field carries its unit, range and meaning,
which `scalp rules` prints; a value outside its range is refused with all three.
"""

from datetime import time
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator

RULES_VERSION = 2
"""Raised by every change of a rule that can change a decision; part of each book's identity."""

OPEN, CLOSE = time(9, 30), time(16, 0)


def _without_zone(clock: time) -> time:
    if clock.tzinfo is not None:
        raise ValueError(f"{clock} has a time zone, and every time here is New York's")
    return clock


def _whole_number(given: object) -> object:
    # True and 1.0 are equal to 1 for a Literal.
    if type(given) is not int:
        raise ValueError(f"{given!r} is not a whole number")
    return given


Fraction = Annotated[float, Strict(), Field(gt=0, le=1, allow_inf_nan=False, json_schema_extra={"unit": "fraction"})]
Percent = Annotated[float, Strict(), Field(gt=0, le=1, allow_inf_nan=False, json_schema_extra={"unit": "percent"})]
Target = Annotated[
    float, Strict(), Field(ge=0.001, le=0.10, allow_inf_nan=False, json_schema_extra={"unit": "fraction"})
]
Ratio = Annotated[float, Strict(), Field(gt=0, le=100, allow_inf_nan=False, json_schema_extra={"unit": "times"})]
Gamma = Annotated[
    float, Strict(), Field(gt=0, le=100, allow_inf_nan=False, json_schema_extra={"unit": "delta per USD"})
]
Rate = Annotated[
    float, Strict(), Field(ge=-0.05, le=0.25, allow_inf_nan=False, json_schema_extra={"unit": "fraction a year"})
]
Dollars = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False, json_schema_extra={"unit": "USD"})]
Seconds = Annotated[float, Strict(), Field(gt=0, le=3600, allow_inf_nan=False, json_schema_extra={"unit": "seconds"})]
Count = Annotated[int, Strict(), Field(ge=0, json_schema_extra={"unit": "number"})]
AtLeastOne = Annotated[int, Strict(), Field(ge=1, json_schema_extra={"unit": "number"})]
Minutes = Annotated[int, Strict(), Field(ge=0, le=390, json_schema_extra={"unit": "minutes"})]
Clock = Annotated[
    time, Field(ge=OPEN, le=CLOSE, json_schema_extra={"unit": "New York time"}), AfterValidator(_without_zone)
]
Score = Annotated[
    float, Strict(), Field(ge=0, le=100, allow_inf_nan=False, json_schema_extra={"unit": "points of 100"})
]
Switch = Annotated[bool, Strict(), Field(json_schema_extra={"unit": "true or false"})]
Ticker = Annotated[str, Field(pattern=r"^[A-Z]{1,6}(\.[A-Z])?$")]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScalpConfig(_Settings):
    """What may be traded, how much, and when; the defaults are the user's."""

    scalp_tickers: tuple[Ticker, ...] = Field(
        ("SPY", "QQQ", "NVDA", "TSLA", "AAPL", "MSFT", "META", "AMZN"),
        description="tickers whose signals may trade",
        json_schema_extra={"unit": "tickers"},
    )
    allow_spx: Switch = Field(True, description="SPX 0DTE where the broker can trade it")

    target_delta_min: Fraction = Field(0.30, description="smallest absolute delta of a contract")
    target_delta_max: Fraction = Field(0.50, description="largest absolute delta of a contract")
    max_spread_pct: Fraction = Field(0.10, description="widest option spread, of the mid")
    min_open_interest: Count = Field(1000, description="open interest must be above this")
    min_volume: Count = Field(500, description="contracts traded today must be above this")

    max_risk_per_scalp: Fraction = Field(0.02, description="equity risked by an option scalp")
    max_loss_pct: Fraction = Field(0.50, description="option stop: loss of premium")
    profit_target_pct: Fraction = Field(0.25, description="option target: gain on premium")
    max_concurrent_scalps: AtLeastOne = Field(3, description="option scalps open or pending at a time")
    no_average_up: Switch = Field(True, description="never add the second half to a losing position")

    max_iv_rank: Fraction = Field(0.80, description="highest IV rank for 1DTE and longer")
    max_theta_burn_pct: Fraction = Field(0.05, description="largest theta burn for 1DTE and longer, of the mid")
    max_gamma: Gamma = Field(0.15, description="largest gamma of a share, 0DTE excepted")

    scalp_start_time: Clock = Field(time(9, 35), description="no entries before")
    zero_dte_cutoff: Clock = Field(time(14, 0), description="0DTE positions are left at this time")
    one_dte_cutoff: Clock = Field(time(15, 30), description="1DTE and longer positions are left at this time")
    no_scalp_around_fomc: Switch = Field(True, description="no entries around FOMC statements")

    entry_order_type: Literal["limit", "market"] = Field("limit", description="market is for funds only")
    limit_offset: Dollars = Field(0.02, description="entry limit above the mid")
    fill_timeout_seconds: AtLeastOne = Field(15, description="an unfilled entry is cancelled after this many seconds")

    min_conviction_to_scalp: Score = Field(50, description="smallest conviction that trades")
    require_macro_alignment: Switch = Field(True, description="the 10-minute macro cloud must agree")

    etf_max_risk_per_scalp: Fraction = Field(0.03, description="equity risked by a fund scalp")
    etf_stop_loss_pct: Fraction = Field(0.02, description="fund stop: loss on the fund's price")
    etf_profit_target_pct: Target = Field(
        0.02, description="fund target: gain on the fund's price; 0.01 to 0.03 advised"
    )
    etf_max_concurrent_scalps: AtLeastOne = Field(5, description="fund scalps open or pending at a time")
    etf_min_daily_volume: Dollars = Field(10_000_000, description="smallest average daily dollar volume of a fund")
    etf_max_spread_pct: Percent = Field(0.05, description="widest fund spread in PERCENT of the mid (one tick passes)")
    etf_prefer_3x: Switch = Field(True, description="3x funds before 2x funds")
    etf_sector_mapping_enabled: Switch = Field(True, description="map single stocks to sector funds")

    entry_timeframe_minutes: Annotated[Literal[1, 5], BeforeValidator(_whole_number)] = Field(
        1, description="bars whose flip and volume make a signal", json_schema_extra={"unit": "minutes"}
    )
    volume_ratio_min: Ratio = Field(1.5, description="trigger bar's volume over the mean before it must be above this")
    cloud_source: Literal["hl2", "close"] = Field("hl2", description="price that the clouds follow")
    cloud_warmup_multiple: AtLeastOne = Field(3, description="bars before a cloud is ready, times its longer period")
    min_minutes_to_exit: Minutes = Field(15, description="least time between an entry and its time exit")
    cooldown_minutes: Minutes = Field(10, description="after a stop: no entry of this ticker and direction")
    fomc_flatten: Switch = Field(True, description="leave positions 5 minutes before an FOMC statement")
    stock_zero_dte: Switch = Field(False, description="0DTE options of single stocks may be bought")
    iv_rank_unknown: Literal["refuse", "halve", "allow"] = Field(
        "halve", description="what an unknown IV rank does to an entry of 1DTE and longer: refuse it, halve it, nothing"
    )
    iv_rank_kind: Literal["rank", "percentile"] = Field(
        "rank", description="rank: place between lowest and highest IV; percentile: share of sessions with a lower IV"
    )
    theta_basis: Literal["hold", "day"] = Field(
        "hold", description="theta burn over planned_hold_minutes, or over a day (refuses nearly every 1-5 DTE option)"
    )
    planned_hold_minutes: Annotated[int, Strict(), Field(ge=1, le=390, json_schema_extra={"unit": "minutes"})] = Field(
        60, description="time over which theta burn is measured"
    )
    max_total_premium_fraction: Fraction = Field(0.12, description="premium of all option scalps, of equity")
    max_order_contracts: AtLeastOne = Field(50, description="contracts in one order")
    allow_etn: Switch = Field(True, description="exchange-traded notes (issuer risk) may be bought")
    etf_leverage_budget_per_scalp: Fraction = Field(
        0.40, description="leverage x notional of one fund scalp, of equity"
    )
    etf_max_position_fraction: Fraction = Field(0.33, description="largest notional of one fund scalp, of equity")
    max_gross_leverage: Ratio = Field(2.0, description="sum of leverage x notional, times equity")
    max_scalps_per_day: AtLeastOne = Field(20, description="scalps a session")
    max_order_shares: AtLeastOne = Field(5000, description="shares in one order")
    max_order_notional_fraction: Fraction = Field(1.0, description="notional of one order, of equity")
    daily_loss_limit: Fraction = Field(0.10, description="day's loss, of the equity at its start, that stops entries")

    @model_validator(mode="after")
    def _fields_agree(self) -> "ScalpConfig":
        if self.target_delta_min >= self.target_delta_max:
            raise ValueError(
                f"target_delta_min {self.target_delta_min} must be under target_delta_max {self.target_delta_max}"
            )
        if not self.scalp_tickers:
            raise ValueError("scalp_tickers is empty: nothing could ever trade")
        return self


class EngineSettings(_Settings):
    """Ages, latencies, money at the start: what surrounds the rules."""

    start_equity_usd: Annotated[Decimal, Field(gt=0, le=10**9, max_digits=15, decimal_places=6)] = Field(
        Decimal(100_000), description="cash at the start of a replay", json_schema_extra={"unit": "USD"}
    )
    quote_max_age_seconds: Seconds = Field(2.0, description="oldest quote stream for entries (or 1.5 x its cadence)")
    chain_max_age_seconds: Seconds = Field(5.0, description="oldest option chain for entries (or 1.5 x its cadence)")
    stale_exit_after_seconds: Seconds = Field(30.0, description="silence after which positions are left")
    bar_max_late_seconds: Seconds = Field(5.0, description="a bar later than this (or 1.5 x cadence) gives no entry")
    outside_signal_max_age_seconds: Seconds = Field(90.0, description="oldest outside signal")
    exit_reprice_seconds: Seconds = Field(2.0, description="time between two prices of a working exit")
    paper_latency_ms: Annotated[int, Strict(), Field(ge=0, le=10_000)] = Field(
        200, description="way of an order to the paper exchange", json_schema_extra={"unit": "milliseconds"}
    )
    paper_fee_per_contract_usd: Annotated[Decimal, Field(ge=0, le=100, decimal_places=6)] = Field(
        Decimal("0.65"), description="fee of the paper exchange, each side", json_schema_extra={"unit": "USD"}
    )
    risk_free_rate: Rate = Field(0.04, description="continuous rate that discounts option prices")
    index_options: Switch = Field(False, description="the account may trade index options (SPX, SPXW)")
    stock_feed: Literal["iex", "sip"] = Field(
        "iex", description="Alpaca's quotes of shares: of one exchange, or of all"
    )
    option_feed: Literal["indicative", "opra"] = Field(
        "indicative", description="Alpaca's quotes of options: indicative ones are never traded with real money"
    )
    live: Switch = Field(False, description="orders may be sent with real money, if all else says so too")
    account_profile: Literal["none", "pdt_25k", "cash"] = Field(
        "none", description="pdt_25k: 3 day trades in 5 sessions under 25,000 USD; cash: settled funds only"
    )
    tape_keep_days: Annotated[int, Strict(), Field(ge=0)] = Field(
        0, description="an engine's tape drops what is older, once it is in the database; 0 keeps all",
        json_schema_extra={"unit": "days"},
    )  # fmt: skip
