"""Options that several commands take."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.records.commands import DatabaseOption

__all__ = [
    "AccountOption",
    "BrokerOption",
    "DatabaseOption",
    "LiveOption",
    "ModeName",
    "RulesOption",
    "SetOption",
]

SetOption = Annotated[list[str] | None, typer.Option("--set", help="setting as name=value, value as JSON")]
BrokerOption = Annotated[str, typer.Option(help="paper, alpaca, or alpaca:URL of `scalp fake-alpaca`")]
LiveOption = Annotated[bool, typer.Option("--live", help="with real money, if all else says so too")]
AccountOption = Annotated[
    str, typer.Option(help="name of the paper account (main), or id that the broker's account has to have")
]
RulesOption = Annotated[Path | None, typer.Option("--rules", help="TOML file of settings")]


class ModeName(StrEnum):
    """Which instruments a run may trade."""

    OPTIONS = "options"
    LEVERAGED_ETF = "leveraged_etf"
    BOTH = "both"
