"""Defaults from `[tool.segeval]` of the nearest pyproject.toml: a flag beats the environment, which beats these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from segeval.cli.confinement import placed
from segeval.cli.names import options_of, verbs
from segeval.cli.parameters import FILE
from segeval.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

NOT_CONFIGURED = ("config", "no_config", "help", "version")
FILE_READ = "segeval.config"
"""Where a command keeps the path of the file that was read, in what click shares between contexts."""


def nearest_config(start: Path) -> Path | None:
    """Return the nearest pyproject.toml upwards of `start` that has a `[tool.segeval]`, or `None`."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file() and _table(path) is not None:
            return path
    return None


def load_config(path: Path, context: click.Context, *, found: bool) -> Mapping[str, Any]:
    """Return the defaults for the command of `context`, by parameter name; `found` if nobody named the file.

    Keys are option names, those of any verb. Raises `UsageError` for a key that no verb has, with the nearest one, and
    for an output that the file may not name.
    """
    table = _table(path)
    if table is None:
        raise UsageError("there is no [tool.segeval] in the file", (str(path),), "Add one, or drop --config")
    own = _configurable(context.command)
    known = sorted({name for command in verbs(context) for name in _configurable(command)})
    keys: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("_", "-")
        if name not in known:
            raise UsageError(
                "the configuration has an unknown key",
                (f"{path}: {key}",),
                f"{did_you_mean(name, known)}Keys are option names, as in ignore = 255",
            )
        if keys.setdefault(name, key) != key:
            where = (f"{path}: {keys[name]}", f"{path}: {key}")
            raise UsageError("the configuration gives one option twice", where, "Put both under one key")
        option = own.get(name)
        if option is not None and option.name:
            if name == "classes" and isinstance(value, list):
                defaults[option.name] = _names(value, f"{path}: {key}")
                continue
            taken = _value(option, value, f"{path}: {key}")
            if isinstance(taken, str):
                taken = placed(option.type, taken, path, found=found)
            elif isinstance(taken, list):
                taken = [placed(option.type, each, path, found=found) for each in taken]
            defaults[option.name] = taken
    return defaults


def _configurable(command: click.Command) -> dict[str, click.Option]:
    return {name: option for name, option in options_of(command).items() if option.name not in NOT_CONFIGURED}


def _table(path: Path) -> dict[str, Any] | None:
    from segeval.files.usertexts import LARGEST_TEXT, TextBoundError, toml_data

    try:
        with path.open("rb") as file:  # --config may name a device without end
            data = file.read(LARGEST_TEXT + 1)
        if len(data) > LARGEST_TEXT:
            raise TextBoundError(f"more than {LARGEST_TEXT:,} bytes")
        document = toml_data(data.decode("utf-8"))
    except OSError as error:
        raise UsageError("the configuration cannot be read", (f"{path}: {error.strerror}",), "Check --config") from None
    except TextBoundError as error:
        raise UsageError(
            "the configuration has more in it than a configuration has",
            (f"{path}: {error}",),
            "Name another with --config, or say --no-config",
        ) from None
    except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        raise UsageError(
            "the configuration is not TOML", (f"{path}: {error}",), "Fix it, or pass --no-config"
        ) from None
    tool = document.get("tool", {})
    table = tool.get("segeval") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError("the configuration is no table", (f"{path}: tool.segeval",), "Begin it with [tool.segeval]")
    return table


def _names(values: list[object], where: str) -> tuple[str, ...]:
    """Return the class names of an inline list, whatever is in them."""
    names = tuple(value for value in values if isinstance(value, str))
    if len(names) != len(values) or not names:
        raise UsageError(
            "an inline class list holds names", (where,), 'Write it as in classes = ["road", "car"], or name a file'
        )
    return names


def _value(option: click.Option, value: object, where: str) -> bool | str | list[str]:
    """Bring a TOML value to what the option takes from a shell."""
    if isinstance(value, bool) or option.is_flag:
        if not (isinstance(value, bool) and option.is_flag):
            raise UsageError("a flag is true or false, and only a flag is", (where,), "Correct the value")
        return value
    parts = value if isinstance(value, list) else [value]
    if isinstance(value, dict):
        parts = [f"{name}={part}" for name, part in value.items()]
    texts = list(map(str, parts)) if option.multiple else [",".join(map(str, parts))]
    if any("\0" in text for text in texts):
        raise UsageError("the configuration holds a NUL character", (where,), "Correct the value")
    return texts if option.multiple else texts[0]


def _read(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if context.params.get("no_config") or context.resilient_parsing:
        return
    path = value or nearest_config(_working_folder())
    if path is not None:
        context.meta[FILE_READ] = path
        context.default_map = {**load_config(path, context, found=value is None), **(context.default_map or {})}


def _working_folder() -> Path:
    from pathlib import Path

    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(
            "the working folder cannot be used",
            (error.strerror or str(error),),
            "Change to a folder that exists (cd), or say --no-config and give whole paths",
        ) from None


def config_options(function: Any) -> Any:
    """Add --config and --no-config, which are read before every other option."""
    config = click.option(
        "--config",
        type=FILE,
        is_eager=True,
        expose_value=False,
        callback=_read,
        help="Read [tool.segeval] from this file. [default: the nearest pyproject.toml that has one]",
    )
    no_config = click.option("--no-config", is_flag=True, is_eager=True, help="Read no configuration.")
    return no_config(config(function))
