"""Options that several commands take."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.records.commands import DatabaseOption

__all__ = ["DatabaseOption", "ModeName", "RulesOption", "SetOption"]

SetOption = Annotated[list[str] | None, typer.Option("--set", help="setting as name=value, value as JSON")]
RulesOption = Annotated[Path | None, typer.Option("--rules", help="TOML file of settings")]


class ModeName(StrEnum):
    """Which instruments a run may trade."""

    OPTIONS = "options"
    LEVERAGED_ETF = "leveraged_etf"
    BOTH = "both"
