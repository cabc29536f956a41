"""What lies beside two folders and would be read by an option: tried on their files before it is suggested."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from segeval.errors import SegevalError, printable
from segeval.findings.files import Files, Headers, colored_files
from segeval.findings.inspection import ValueShare
from segeval.folders.pairing import pair_folders, require_pairs
from segeval.folders.regions import with_regions
from segeval.images.readers import IMAGE_SUFFIXES, read_below, read_mask
from segeval.protocol.protocol import Inference
from segeval.protocol.segments import LARGEST_SEGMENTS, parse_segments
from segeval.protocol.storage import RGB_ID, SideStorage
from segeval.request import Request, amend
from segeval.stores.userfiles import read_user_file

NAMED_LIKE_REGIONS = ("mask", "roi", "fov", "field", "valid")
MOST_NEARBY = 20
"""Files or folders beside a folder that are looked at."""
LOOKED_AT = 3
"""Images that are read to try an option."""
CHANNELS = "RGB"


def suggestions(files: Files, values: tuple[Sequence[ValueShare], Sequence[ValueShare]]) -> tuple[Inference, ...]:
    """Return options that would read two folders, or more of what lies beside them; nothing of stores and archives.

    `values` are those of ground truth and predictions, as far as they could be decoded.
    """
    return tuple(
        found for look in (_dataset, _regions, _segments, partial(_channels, values=values)) for found in look(files)
    )


def _dataset(files: Files) -> Iterator[Inference]:
    """Find nnU-Net's `dataset.json`, in a folder or beside the ground truth, whose files all pair."""
    request, gt, pred = files.request, files.pairing.gt_root, files.pairing.pred_root
    protocol = request.protocol
    taken = request.preset is not None or protocol.classes is not None or protocol.binary
    if taken or protocol.probabilities is not None or not (isinstance(gt, Path) and isinstance(pred, Path)):
        return
    for folder in dict.fromkeys((gt, gt.parent, pred)):
        path = folder / "dataset.json"
        try:
            asked = amend(Request(), {"preset": "nnunet", "dataset": path})
            pairs = require_pairs(pair_folders(pred, gt, rules=asked.rules, suffixes=IMAGE_SUFFIXES))
        except SegevalError:
            continue
        if not all(pair.gt.endswith(asked.rules.gt_suffixes) for pair in pairs):
            continue  # a file ending that no mask has selects nothing, and so all of them
        option = f"--preset nnunet --dataset {_quoted(path)}"
        yield Inference("there is a dataset.json of nnU-Net, whose files pair", option)
        return


def _regions(files: Files) -> Iterator[Inference]:
    """Find a folder beside the ground truth with an image of 0 and one other value for each."""
    gt, request = files.pairing.gt_root, files.request
    if request.roi is not None or not isinstance(gt, Path) or not any(pair.pred for pair in files.pairing.pairs):
        return
    for folder in _beside(gt, files):
        if not any(word in folder.name.lower() for word in NAMED_LIKE_REGIONS) or not folder.is_dir():
            continue
        try:
            paired = with_regions(files.pairing, folder, request.rules, IMAGE_SUFFIXES)
            shapes = [
                (pair, read_mask(read_below(folder, pair.roi, name=pair.roi), name=pair.roi)[0])
                for pair in paired.pairs[:LOOKED_AT]
            ]
        except SegevalError:
            continue
        if all(_is_region(files, pair.gt, values) for pair, values in shapes):
            what = (
                f"{printable(folder.name)} has an image of two values for each ground truth; if it is a field of view"
            )
            yield Inference(what, f"--roi {_quoted(folder)}")
            return


def _is_region(files: Files, gt: str, values: np.ndarray[tuple[int, ...], np.dtype[np.integer]]) -> bool:
    facts = files.gt.facts.get(gt)
    met = set(np.unique(values).tolist())
    return facts is not None and values.shape == (facts.height, facts.width) and len(met) == 2 and 0 in met


def _segments(files: Files) -> Iterator[Inference]:
    """Find a panoptic JSON that lists the ids of masks which nothing decodes."""
    for side, _, headers in files.sides():
        root = files.pairing.gt_root if side == "gt" else files.pairing.pred_root
        colored = colored_files(headers.facts, files.request, side)[:LOOKED_AT]
        if not colored or not isinstance(root, Path):
            continue
        inside = root.glob("*.json") if root.is_dir() else ()
        for path in [root.with_suffix(".json"), *islice((*_beside(root, files), *inside), MOST_NEARBY)]:
            if path.suffix.lower() == ".json" and _lists(path, root, colored):
                yield Inference(
                    f"{printable(path.name)} says what the segments of {side} are", f"--{side}-segments {_quoted(path)}"
                )
                break


def _lists(path: Path, root: Path, names: Sequence[str]) -> bool:
    try:
        found = parse_segments(read_user_file(path, most=LARGEST_SEGMENTS), name=path.name)
        for name in names:
            ids, _ = read_mask(read_below(root, name, name=name), name=name, storage=SideStorage(channel=RGB_ID))
            found.categories(ids, name, name=name)
    except SegevalError:
        return False
    return True


def _channels(files: Files, values: tuple[Sequence[ValueShare], Sequence[ValueShare]]) -> Iterator[Inference]:
    """Find the one channel of undecoded masks that holds classes, or what the other side holds."""
    protocol = files.request.protocol
    known = {entry.id for entry in protocol.classes or ()} | {
        value for value in protocol.ignore or (255,) if isinstance(value, int)
    }
    for place, (side, _, headers) in enumerate(files.sides()):
        if not colored_files(headers.facts, files.request, side):
            continue
        there = known if protocol.classes else {share.value for share in values[1 - place]}
        found = _channel_within(headers, there)
        if found is not None:
            what = f"of the colours of {side}, channel {found} alone holds " + (
                "classes" if protocol.classes else "values of the other side"
            )
            yield Inference(what, f"--{side}-channel {found}")


def _channel_within(headers: Headers, allowed: Collection[int]) -> str | None:
    met = [color for colors in headers.colors.values() for color in colors.pixels]
    held = [{color[place] for color in met} for place in range(len(CHANNELS))]
    fitting = [name for name, one in zip(CHANNELS, held, strict=True) if len(one) > 1 and one <= set(allowed)]
    return fitting[0] if len(fitting) == 1 else None


def _beside(root: Path, files: Files) -> list[Path]:
    """Return what lies beside a folder, but for the two folders themselves, by name."""
    own = {files.pairing.gt_root, files.pairing.pred_root}
    try:
        return sorted(islice((path for path in root.parent.iterdir() if path not in own), MOST_NEARBY))
    except OSError:
        return []


def _quoted(path: Path) -> str:
    return shlex.quote(printable(str(path)))
