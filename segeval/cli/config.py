"""Defaults from `[tool.segeval]` of the nearest pyproject.toml: a flag beats the environment, which beats these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from segeval.cli.names import options_of, verbs
from segeval.cli.parameters import FILE, placed_values
from segeval.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_CONFIG = 1 << 24
"""Bytes; --config may name a device without end."""
NOT_CONFIGURED = ("config", "no_config", "help", "version")


def nearest_config(start: Path) -> Path | None:
    """Return the nearest pyproject.toml upwards of `start` that has a `[tool.segeval]`, or `None`."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file() and _table(path) is not None:
            return path
    return None


def load_config(path: Path, context: click.Context) -> Mapping[str, Any]:
    """Return the defaults for the command of `context`, by parameter name; paths in them are relative to the file.

    Keys are option names, those of any verb. Raises `UsageError` for a key that no verb has, with the nearest one.
    """
    table = _table(path)
    if table is None:
        raise UsageError("there is no [tool.segeval] in the file", (str(path),), "Add one, or leave --config out")
    own = _configurable(context.command)
    known = sorted({name for command in verbs(context) for name in _configurable(command)})
    keys: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("_", "-")
        if name not in known:
            from segeval.protocol.classlists import did_you_mean

            raise UsageError(
                "the configuration has a key that is no option",
                (f"{path}: {key}",),
                f"{did_you_mean(name, known)}Keys are option names, as in ignore = 255",
            )
        if keys.setdefault(name, key) != key:
            where = (f"{path}: {keys[name]}", f"{path}: {key}")
            raise UsageError("the configuration gives one option twice", where, "Put both under one key")
        option = own.get(name)
        if option is not None and option.name:
            defaults[option.name] = _taken(option, value, path, key)
    return defaults


def _configurable(command: click.Command) -> dict[str, click.Option]:
    return {name: option for name, option in options_of(command).items() if option.name not in NOT_CONFIGURED}


def _table(path: Path) -> dict[str, Any] | None:
    import tomllib

    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_CONFIG + 1)
        if len(data) > LARGEST_CONFIG:
            raise UsageError("the configuration is too large", (str(path),), "Check --config")
        document = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise UsageError("the configuration cannot be read", (f"{path}: {error.strerror}",), "Check --config") from None
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        raise UsageError(
            "the configuration is not TOML", (f"{path}: {error}",), "Mend it, or say --no-config"
        ) from None
    tool = document.get("tool", {})
    table = tool.get("segeval") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError("the configuration is no table", (f"{path}: tool.segeval",), "Begin it with [tool.segeval]")
    return table


def _taken(option: click.Option, value: object, path: Path, key: str) -> object:
    """Bring a TOML value to what the option takes from a shell, in the folder of the file."""
    where = (f"{path}: {key}",)
    if isinstance(value, bool) or option.is_flag:
        if not (isinstance(value, bool) and option.is_flag):
            raise UsageError("a flag is true or false, and only a flag is", where, "Correct the value")
        return value
    parts = value if isinstance(value, list) else [value]
    if isinstance(value, dict):
        parts = [f"{name}={part}" for name, part in value.items()]
    texts = list(map(str, parts)) if option.multiple else [",".join(map(str, parts))]
    if any("\0" in text for text in texts):
        raise UsageError("the configuration holds a NUL character", where, "Correct the value")
    placed = list(placed_values(option, texts, path.parent))
    return placed if option.multiple else placed[0]


def _read(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if context.params.get("no_config") or context.resilient_parsing:
        return
    from pathlib import Path

    path = value or nearest_config(Path.cwd())
    if path is not None:
        context.default_map = {**load_config(path, context), **(context.default_map or {})}


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
