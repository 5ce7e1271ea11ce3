"""Where settings come from: the defaults, then a rules file, then single values; and how they are shown."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from operators.changes import settings_in
from operators.config import EngineSettings, ScalpConfig
from operators.events import RunStarted

Model = TypeVar("Model", bound=BaseModel)


class BadSettings(ValueError):
    """A setting that is unknown or cannot be; the message names it, its unit and its range."""


class Settings(NamedTuple):
    """The effective settings of a run."""

    scalp: ScalpConfig
    engine: EngineSettings


class Rule(NamedTuple):
    """One setting as `scalp rules` shows it."""

    name: str
    value: str
    unit: str
    range: str
    meaning: str


def load(rules: Path | None = None, values: Sequence[str] = ()) -> Settings:
    """Defaults, overridden by a TOML file of names and values, overridden by `name=value` texts.

    A value is JSON; what is not JSON is text. Raises BadSettings, and FileNotFoundError for a missing file.
    """
    given: dict[str, Any] = {} if rules is None else _from_file(rules)
    for text in values:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadSettings(f"--set {text}: expected name=value")
        given[name.strip()] = _json_or_text(value)
    for name in given:
        _check_known(name)
    scalp = {name: value for name, value in given.items() if name in ScalpConfig.model_fields}
    engine = {name: value for name, value in given.items() if name in EngineSettings.model_fields}
    return Settings(_build(ScalpConfig, scalp), _build(EngineSettings, engine))


def settings_of(run: RunStarted) -> Settings:
    """The settings that a run was started with. Raises pydantic's ValidationError for those of another program."""
    return Settings(*settings_in(run.settings))


def rules(settings: Settings) -> Iterator[Rule]:
    """Every setting with its effective value, unit, range and meaning."""
    for model in settings:
        for name, field in type(model).model_fields.items():
            value = json.loads(model.model_dump_json(include={name}))[name]
            shown = value if isinstance(value, str) else json.dumps(value)
            yield Rule(name, shown, _unit(field), _range(field), field.description or "")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path} does not exist: name a TOML file of settings") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is no TOML: {error}") from error
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}") from error


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check_known(name: str) -> None:
    known = [*ScalpConfig.model_fields, *EngineSettings.model_fields]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; `scalp rules` lists them"
        raise BadSettings(f"{name} is no setting{hint}")


def _build(model: type[Model], given: Mapping[str, Any]) -> Model:
    try:
        return model(**given)
    except ValidationError as error:
        raise BadSettings(_sentence(model, error)) from error


def _sentence(model: type[BaseModel], error: ValidationError) -> str:
    """The first fault, with the unit and range that the field expects."""
    first = error.errors()[0]
    if not first["loc"]:
        return str(first["ctx"]["error"])
    name = str(first["loc"][0])
    field = model.model_fields[name]
    path = ".".join(str(part) for part in first["loc"])
    expected = ", ".join(part for part in (_unit(field), _range(field)) if part)
    return f"{path} = {first['input']!r}: {_said(first)} (expected {expected})"


def _said(fault: ErrorDetails) -> str:
    """What pydantic found, as the middle of a sentence; a list is given as JSON."""
    if fault["type"] == "tuple_type":
        return 'input should be a list such as ["QQQ", "SPY"]'
    return fault["msg"][:1].lower() + fault["msg"][1:]


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _range(field: FieldInfo) -> str:
    """Bounds in words, or the choices of a Literal."""
    choices = getattr(field.annotation, "__args__", ())
    if choices and getattr(field.annotation, "__origin__", None) is not tuple:
        return "one of " + ", ".join(str(choice) for choice in choices)
    words = {"gt": "over", "ge": "at least", "lt": "under", "le": "at most"}
    found = ((word, getattr(mark, name, None)) for mark in field.metadata for name, word in words.items())
    return ", ".join(f"{word} {bound}" for word, bound in found if bound is not None)
