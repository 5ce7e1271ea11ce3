"""What one run changes of the run before it: by name, with both values, and where it is in force."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from flows.settings import load
from operators.changes import InForce, changes, settings_in, told
from operators.config import EngineSettings, ScalpConfig
from operators.events import RunStarted
from tests.play import started
from tests.tape_builders import T0

DEFAULTS = ScalpConfig(), EngineSettings()


def run(*values: str, **changed: Any) -> RunStarted:
    """The beginning of a run with these settings."""
    settings = json.dumps([json.loads(model.model_dump_json()) for model in load(None, values)])
    return replace(started(T0), **({"settings": settings} | changed))


class TestChanges:
    def test_another_run_with_the_same_settings_changes_nothing(self) -> None:
        assert changes(run(), run(seq=40, at_ns=T0 + 40)) == {}

    def test_the_order_of_the_settings_is_nothing(self) -> None:
        scalp, engine = json.loads(run().settings)
        assert changes(run(), run(settings=json.dumps([engine, dict(reversed(scalp.items()))]))) == {}

    def test_all_changed_settings_are_named_with_both_values(self) -> None:
        assert changes(run(), run("max_scalps_per_day=3", "quote_max_age_seconds=7.0", mode="options")) == {
            "mode": ("leveraged_etf", "options"),
            "max_scalps_per_day": (20, 3),
            "quote_max_age_seconds": (2.0, 7.0),
        }

    def test_a_setting_that_the_old_program_had_not_is_named(self) -> None:
        scalp, engine = json.loads(run().settings)
        del scalp["max_scalps_per_day"]
        assert changes(run(settings=json.dumps([scalp, engine])), run()) == {"max_scalps_per_day": (None, 20)}

    @pytest.mark.parametrize(
        "change",
        [
            {"mode": "options"},
            {"tables": {"fomc": "2"}},
            {"rules_version": 2},
            {"marks": ("SIMULATED",)},
            {"cadences": {"bar": 1.0}},
            {"checkpoint_seconds": 1},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_other_rules_tables_or_feeds_are_changes(self, change: dict[str, Any]) -> None:
        assert list(changes(run(), run(**change))) == list(change)

    def test_they_are_told_with_both_values(self) -> None:
        said = told(changes(run(), run("max_scalps_per_day=3", mode="options")))
        assert said == "mode 'leveraged_etf' is now 'options'; max_scalps_per_day 20 is now 3"


class TestInForce:
    def test_the_first_run_of_a_book_changes_nothing(self) -> None:
        force = InForce(*DEFAULTS)
        assert force.take(run("max_scalps_per_day=3")) == {}
        assert force.config.max_scalps_per_day == 20

    def test_a_later_run_is_in_force_from_where_it_passes(self) -> None:
        force = InForce(*DEFAULTS, run())
        assert force.take(run("max_scalps_per_day=3")) == {"max_scalps_per_day": (20, 3)}
        assert force.config.max_scalps_per_day == 3
        assert force.take(run("max_scalps_per_day=3", seq=9)) == {}

    def test_another_book_is_another_beginning(self) -> None:
        force = InForce(*DEFAULTS, run())
        assert force.take(run("max_scalps_per_day=3", book_id="replay:other")) == {}

    def test_each_step_takes_a_run_up_for_itself(self) -> None:
        force = InForce(*DEFAULTS, run())
        other = force.copy()
        force.take(run("max_scalps_per_day=3"))
        assert (other.config.max_scalps_per_day, list(other.take(run("max_scalps_per_day=3")))) == (
            20,
            ["max_scalps_per_day"],
        )

    def test_the_settings_of_a_run_are_read_back(self) -> None:
        assert settings_in(run("daily_loss_limit=0.05").settings) == (
            ScalpConfig(daily_loss_limit=0.05),
            EngineSettings(),
        )
