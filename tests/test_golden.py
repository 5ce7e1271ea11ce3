"""What others read by name: the steps of the line, the columns of an export, the fields of a summary."""

from pathlib import Path

from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink
from bytewax.visualize import to_rendered

from flows.scalp import scalp
from flows.tape.source import Reading, TapeSource
from operators.config import EngineSettings, ScalpConfig
from operators.market import Market
from operators.steps import Desks
from tests.play import started

STEPS = ["tape", "market", "signal", "route", "greeks", "strike", "gate", "fund", "liquidity", "desk", "ledger"]


def flow() -> Dataflow:
    config, settings = ScalpConfig(), EngineSettings()
    source = TapeSource(started(2), iter(()), 1, Reading())
    return scalp(source, TestingSink([]), Market(config, settings), Desks(config, settings))


def ids() -> list[str]:
    """The ids of the flow's own steps, without its name."""
    return [step.step_id.removeprefix("scalp.") for step in flow().substeps]


def test_the_line_has_these_steps_in_this_order() -> None:
    assert ids() == STEPS


def test_no_step_id_stands_twice() -> None:
    assert len(set(ids())) == len(ids())


def test_no_step_id_has_a_period() -> None:
    assert [name for name in ids() if "." in name] == []


def test_each_step_feeds_the_next_one_and_no_other() -> None:
    """The line is straight: no branch, merge or join."""
    fed = {step.step_id: [port.from_port_ids for port in step.inp_ports] for step in to_rendered(flow()).substeps}
    before = dict(zip(STEPS[1:], STEPS, strict=False))
    assert [fed[f"scalp.{name}"] for name in STEPS[:1]] == [[]]
    for name in STEPS[1:]:
        ((source,),) = fed[f"scalp.{name}"]
        assert source.startswith(f"scalp.{before[name]}.")


def test_the_picture_shows_the_steps() -> None:
    source = (Path(__file__).parents[1] / "flows" / "scalp.py").read_text()
    assert f"    {' -> '.join(STEPS)}\n" in source
