"""`scalp fake-alpaca`: what it prints, what it refuses, and that keys leave no trace."""

import json
import re
import select
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.stream import TradingStream
from typer.testing import CliRunner

from flows import fake_alpaca
from flows.cli import app
from tests.alpaca_clients import Heard, connected
from tests.fakes.alpaca.faults import KINDS
from tests.fakes.alpaca.process import ROOT, Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)

COMMAND = [str(Path(sys.executable).with_name("scalp")), "fake-alpaca"]
SECONDS = 30.0
CANARY = "canary-that-must-not-be-told"


def run(*words: str | Path, cwd: Path = ROOT) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return done.returncode, done.stderr


def test_it_tells_what_to_set_and_serves_on_loopback_alone(alpaca_tape: Path, tmp_path: Path) -> None:
    # A folder `tests` where it is started is not the project's.
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("raise AssertionError('the wrong tests')\n")
    words = [*COMMAND, "--tape", str(alpaca_tape), "--lock-step"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], SECONDS)
        assert ready, "it did not come up"
        told = [process.stdout.readline() for _ in range(7)]
        urls = dict(re.findall(r"(\w+)\(\.\.\., url_override='([^']+)'\)", "".join(told)))
        client = TradingClient("any", "pair", url_override=urls["TradingClient"])
        assert client.get_account().currency == "USD"
        assert {url.split(":")[1] for url in urls.values()} == {"//127.0.0.1"}
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def test_what_cannot_be_played_is_one_line_and_exit_2(alpaca_tape: Path, tmp_path: Path) -> None:
    script, torn, none = tmp_path / "faults.json", tmp_path / "torn.json", tmp_path / "none.json"
    script.write_text('[{"kind": "earthquake"}]')
    torn.write_text('[{"kind":')
    for words, expected in [
        (("--tape", tmp_path / "none.tape"), "none.tape does not exist"),
        (("--tape", alpaca_tape, "--speed", "0"), "a speed of 0.0: expected"),
        (("--tape", alpaca_tape, "--faults", script), f"--faults {script}: no fault is called 'earthquake'"),
        (("--tape", alpaca_tape, "--faults", torn), f"--faults {torn}: the script of faults cannot be read: "),
        (("--tape", alpaca_tape, "--faults", none), f"--faults {none}: No such file or directory; name a file with"),
        (("--tape", alpaca_tape, "--port", "65536"), "'--port'"),
        ((), "'--tape'"),
        (("--tape", alpaca_tape, "--frames", "smoke"), "'smoke'"),
    ]:
        code, said = run(*words)
        assert (code, said.count("\n")) == (2, 1)
        assert expected in said


def test_a_port_that_is_taken_is_named(alpaca_tape: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        said = run("--tape", alpaca_tape, "--port", str(port))
    assert said == (
        2,
        f"scalp: port {port} on 127.0.0.1 cannot be had: Address already in use; name another --port, or end what "
        "listens there\n",
    )


def test_without_the_checkout_it_says_where_the_fake_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, alpaca_tape: Path
) -> None:
    monkeypatch.setattr(fake_alpaca, "ROOT", tmp_path)
    said = CliRunner().invoke(app, ["fake-alpaca", "--tape", str(alpaca_tape)])
    assert said.exit_code == 2
    assert "part of the project's checkout" in said.stderr


def test_a_script_can_be_given_at_the_start(alpaca_tape: Path, tmp_path: Path) -> None:
    script = tmp_path / "faults.json"
    script.write_text(json.dumps([{"kind": "500", "path": "/v2/clock"}, {"kind": "liquidate", "at": "15:15"}]))
    with Alpaca.on(alpaca_tape, "--lock-step", "--faults", str(script)) as fake:
        assert [fault["kind"] for fault in fake.state()["faults"]] == ["500", "liquidate"]


def test_keys_leave_no_trace(alpaca_tape: Path) -> None:
    fake = Alpaca(alpaca_tape, "--lock-step")
    try:
        TradingClient(CANARY, CANARY, url_override=fake.urls["TradingClient"]).get_account()
        with Heard() as heard:
            stream = TradingStream(CANARY, CANARY, url_override=fake.urls["TradingStream"])
            stream.subscribe_trade_updates(heard.handler)
            heard.run(stream)
            connected(fake, "trade_updates")
        told = json.dumps(fake.state())
    finally:
        said = fake.stop()
    assert CANARY not in told + said


def test_every_fault_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "brokers.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"| `{kind}` |" not in text] == []
