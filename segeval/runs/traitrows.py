"""What findings need of files besides their values, as JSON, and back with every value checked."""

from __future__ import annotations

from typing import Any

from segeval.runs.run import PLAIN, SideTraits, Traits
from segeval.runs.values import integers, listed, mapping, require


def traits_to_json(traits: SideTraits) -> dict[str, Any]:
    """Return the JSON of a run's traits."""
    return {
        side: {
            "nodata": list(one.nodata),
            "gray_entries": list(map(list, one.gray_entries)),
            "color_entries": list(map(list, one.color_entries)),
            **({"gray_as_rgb": True} if one.gray_as_rgb else {}),
        }
        for side, one in (("gt", traits.gt), ("pred", traits.pred))
    }


def traits_from_json(facts: Any) -> SideTraits:
    """Read what `traits_to_json` wrote; raises `Damage`."""
    sides = mapping(facts, "traits")
    require(set(sides) == {"gt", "pred"}, "the traits have other sides")
    return SideTraits(_traits(sides["gt"]), _traits(sides["pred"]))


def _traits(facts: Any) -> Traits:
    one = mapping(facts, "traits")
    require(set(one) - {"gray_as_rgb"} == {"nodata", "gray_entries", "color_entries"}, "the traits have other fields")
    require(one.get("gray_as_rgb", True) is True, "gray_as_rgb is not as segeval writes it")
    nodata = integers(one["nodata"], -(2**63), 2**63 - 1, "nodata")
    entries = [integers(entry, 0, 255, "gray_entries") for entry in listed(one["gray_entries"], "gray_entries")]
    require(all(len(entry) == 2 for entry in entries), "a gray entry is not an index and a level")
    colors = [integers(entry, 0, 255, "color_entries") for entry in listed(one["color_entries"], "color_entries")]
    require(all(len(entry) == 4 for entry in colors), "a color entry is not an index and a color")
    traits = Traits(
        tuple(nodata),
        tuple((index, level) for index, level in entries),
        tuple((index, red, green, blue) for index, red, green, blue in colors),
        "gray_as_rgb" in one,
    )
    require(traits == traits | PLAIN, "the traits are not in their order")
    return traits
