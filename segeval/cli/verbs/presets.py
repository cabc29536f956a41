"""`segeval presets`: what is known of each data set."""

from __future__ import annotations

from typing import Any

import click

from segeval.cli.command import Verb
from segeval.cli.config import config_options
from segeval.cli.parameters import PRESET
from segeval.cli.reporting import show_options, voice_options


@click.command(cls=Verb)
@click.argument("name", metavar="[NAME|FILE]", required=False, type=PRESET)
@show_options("table", "json", "toml")
@config_options
@voice_options
def presets(name: str | None, **options: Any) -> int:
    """List the presets, or show one.

    NAME is a preset, FILE a TOML file of your own, which is checked.

    \b
    Examples:
      segeval presets cityscapes
      segeval presets loveda -f toml > mine.toml      a start for your own
      segeval presets ./mine.toml
    """
    from segeval.cli.console import page_options, write_page, write_result
    from segeval.protocol.presets import preset, preset_names
    from segeval.render.presets import render_preset, render_preset_json, render_presets, render_presets_json
    from segeval.request.presets import preset_facts

    chosen = options["format"]
    if chosen == "toml":
        write_result(_toml(name))
        return 0
    found = preset_facts(name) if name is not None else None
    if found is not None:
        page = page_options(options["color"])
        if chosen == "json":
            write_result(render_preset_json(found))
        else:
            write_page(render_preset(found, **page))
        return 0
    known = [preset(each) for each in preset_names()]
    if chosen == "json":
        write_result(render_presets_json(known))
    else:
        write_page(render_presets(known, **page_options(options["color"])))
    return 0


def _toml(name: str | None) -> str:
    """Return the text of a preset, the package's own or a user's that has been checked."""
    from segeval.errors import UsageError
    from segeval.protocol.presets import HOME, preset_names
    from segeval.request.presets import preset_facts
    from segeval.stores.userfiles import read_user_file

    if name is None:
        raise UsageError("-f toml shows one preset", (), f"Name it: {', '.join(preset_names())}")
    preset_facts(name)
    if name in preset_names():
        return (HOME / f"{name}.toml").read_text(encoding="utf-8")
    return read_user_file(name)
