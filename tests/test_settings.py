"""Where settings come from, which wins, and what is said of one that cannot be."""

from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from flows.settings import BadSettings, load, rules
from operators.config import EngineSettings, ScalpConfig

FIELDS = [*ScalpConfig.model_fields, *EngineSettings.model_fields]


def toml(folder: Path, *lines: str) -> Path:
    path = folder / "rules.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def refused(*values: str) -> str:
    with pytest.raises(BadSettings) as fault:
        load(None, values)
    return str(fault.value)


def test_a_file_overrides_a_default(tmp_path: Path) -> None:
    assert load(toml(tmp_path, "min_volume = 7")).scalp.min_volume == 7


def test_a_value_overrides_a_file(tmp_path: Path) -> None:
    assert load(toml(tmp_path, "min_volume = 7"), ["min_volume=9"]).scalp.min_volume == 9


def test_a_value_leaves_the_rest_of_the_file(tmp_path: Path) -> None:
    loaded = load(toml(tmp_path, "min_volume = 7", "min_open_interest = 8"), ["min_volume=9"])
    assert (loaded.scalp.min_volume, loaded.scalp.min_open_interest) == (9, 8)


def test_the_last_of_two_values_stands() -> None:
    assert load(None, ["min_volume=9", "min_volume=10"]).scalp.min_volume == 10


def test_a_file_reaches_both_models(tmp_path: Path) -> None:
    loaded = load(toml(tmp_path, "no_average_up = false", "paper_latency_ms = 50"))
    assert (loaded.scalp.no_average_up, loaded.engine.paper_latency_ms) == (False, 50)


def test_values_reach_both_models() -> None:
    loaded = load(None, ["max_gamma=0.2", "start_equity_usd=25000.50"])
    assert (loaded.scalp.max_gamma, loaded.engine.start_equity_usd) == (0.2, Decimal("25000.5"))


def test_a_value_is_json_where_it_can_be() -> None:
    assert load(None, ['scalp_tickers=["QQQ", "BRK.B"]']).scalp.scalp_tickers == ("QQQ", "BRK.B")


def test_a_value_is_text_where_it_is_no_json() -> None:
    assert load(None, ["cloud_source=close"]).scalp.cloud_source == "close"


def test_a_value_may_hold_an_equals_sign() -> None:
    assert "'a=b'" in refused("cloud_source=a=b")


@pytest.mark.parametrize("line", ["scalp_start_time = 09:45:00", 'scalp_start_time = "09:45"'])
def test_a_time_in_a_file_is_a_time_or_text(tmp_path: Path, line: str) -> None:
    assert load(toml(tmp_path, line)).scalp.scalp_start_time == time(9, 45)


def test_a_time_as_a_value_is_text() -> None:
    assert load(None, ["zero_dte_cutoff=13:30"]).scalp.zero_dte_cutoff == time(13, 30)


@pytest.mark.parametrize("text", ["10:00Z", "10:00-05:00"])
def test_a_time_with_a_zone_is_refused(text: str) -> None:
    """Clock settings are New York times: a run with another zone's would break off in a rule."""
    assert "scalp_start_time" in refused(f"scalp_start_time={text}")


def test_a_number_is_no_time() -> None:
    """36000 would silently be read as seconds after midnight."""
    assert "scalp_start_time" in refused("scalp_start_time=36000")


def test_a_date_is_no_time(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="scalp_start_time"):
        load(toml(tmp_path, "scalp_start_time = 2025-01-01T09:45:00"))


def test_an_unknown_setting_names_the_nearest_one() -> None:
    assert refused("max_spred_pct=0.1") == "max_spred_pct is no setting; did you mean max_spread_pct?"


def test_an_unknown_setting_of_no_likeness_names_the_list() -> None:
    assert refused("zzz=1") == "zzz is no setting; `scalp rules` lists them"


def test_an_unknown_setting_in_a_file_names_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="did you mean paper_latency_ms"):
        load(toml(tmp_path, "paper_latency = 5"))


def test_a_value_without_equals_sign_says_what_is_expected() -> None:
    assert refused("max_gamma") == "--set max_gamma: expected name=value"


@pytest.mark.parametrize(
    ("value", "unit", "bound"),
    [
        ("max_spread_pct=10", "fraction", "at most 1"),
        ("max_risk_per_scalp=0", "fraction", "over 0"),
        ("etf_max_spread_pct=5", "percent", "at most 1"),
        ("etf_profit_target_pct=2", "fraction", "at most 0.1"),
        ("etf_profit_target_pct=0.0005", "fraction", "0.001"),
        ("min_volume=-1", "number", "0"),
        ("min_conviction_to_scalp=101", "points of 100", "at most 100"),
        ("scalp_start_time=08:00", "New York time", "09:30"),
        ("one_dte_cutoff=16:01", "New York time", "16:00"),
        ("start_equity_usd=0", "USD", "over 0"),
        ("paper_latency_ms=-1", "milliseconds", "0"),
        ("quote_max_age_seconds=0", "seconds", "over 0"),
        ("entry_timeframe_minutes=3", "one of 1, 5", ""),
        ("account_profile=margin", "one of none, pdt_25k, cash", ""),
    ],
)
def test_a_value_out_of_range_is_refused_with_name_unit_and_range(value: str, unit: str, bound: str) -> None:
    sentence = refused(value)
    assert sentence.startswith(value.partition("=")[0])
    assert unit in sentence
    assert bound in sentence


@pytest.mark.parametrize(
    "value",
    [
        "max_gamma=NaN",
        "max_gamma=Infinity",
        "start_equity_usd=NaN",
        "no_average_up=1",
        "min_volume=500.0",
        "min_volume=true",
    ],
)
def test_a_value_of_another_kind_is_refused(value: str) -> None:
    assert refused(value).startswith(value.partition("=")[0])


def test_delta_bounds_have_to_agree() -> None:
    assert refused("target_delta_min=0.5") == "target_delta_min 0.5 must be under target_delta_max 0.5"


def test_no_ticker_at_all_is_refused() -> None:
    assert "scalp_tickers is empty" in refused("scalp_tickers=[]")


def test_a_ticker_in_small_letters_is_refused_with_the_pattern_that_it_misses() -> None:
    sentence = refused('scalp_tickers=["QQQ","qqq"]')
    assert sentence.startswith("scalp_tickers.1 = 'qqq'")
    assert "[a-z]" not in sentence


def test_a_file_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"rules\.toml is no TOML: .*line 2"):
        load(toml(tmp_path, "min_volume = 7", "a = = b"))


def test_a_file_of_bytes_that_are_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSettings, match="is no TOML"):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none.toml does not exist"):
        load(tmp_path / "none.toml")


def test_rules_list_every_field_once_in_their_order() -> None:
    assert [rule.name for rule in rules(load())] == FIELDS


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_a_unit_or_choices_and_a_meaning(name: str) -> None:
    (rule,) = (rule for rule in rules(load()) if rule.name == name)
    assert rule.unit or rule.range.startswith("one of ")
    assert len(rule.meaning) > 10


@pytest.mark.parametrize("unit", ["fraction", "percent", "USD", "seconds", "number", "points of 100", "New York time"])
def test_a_number_with_a_unit_has_a_range(unit: str) -> None:
    of_unit = [rule for rule in rules(load()) if rule.unit == unit]
    assert of_unit
    assert [rule.name for rule in of_unit if not rule.range] == []


def test_only_one_field_is_in_percent() -> None:
    assert [rule.name for rule in rules(load()) if rule.unit == "percent"] == ["etf_max_spread_pct"]


def test_rules_show_the_effective_value(tmp_path: Path) -> None:
    shown = {rule.name: rule.value for rule in rules(load(toml(tmp_path, "min_volume = 7"), ["cloud_source=close"]))}
    assert (shown["min_volume"], shown["cloud_source"], shown["max_gamma"]) == ("7", "close", "0.15")


def test_what_rules_show_can_be_set_again() -> None:
    before = load(None, ["scalp_start_time=09:45", "max_gamma=0.2"])
    assert load(None, [f"{rule.name}={rule.value}" for rule in rules(before)]) == before
