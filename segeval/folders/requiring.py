"""What keeps the files of two folders from being scored, told all together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from segeval.errors import NothingToScoreError, PairingError, SegevalError, UsageError, listed, printable, raise_all
from segeval.folders.matching import Clash
from segeval.folders.pairing import UNPACK_FIX, Pair, Pairing
from segeval.folders.walking import extensions_in, gt_name, pred_name
from segeval.protocol.axes import MISSING_CHOICES

READ = "masks are read from PNG, BMP, GIF, TIFF, .npy and .npz"
SHOWN = 5
"""Names shown of a group of files in one line of an error."""


def require_pairs(pairing: Pairing, *, missing: str = "error") -> tuple[Pair, ...]:
    """Return the pairs to score, or raise one error that tells all that keeps them from being scored.

    `missing` says what becomes of ground truth without prediction: "error", "skip" (left out), or "miss" (kept, with
    `pred` empty). Raises PairingError, NothingToScoreError where nothing pairs, or `Problems` of several. Extra
    predictions are no error.
    """
    if missing not in MISSING_CHOICES:
        raise UsageError("unknown choice for --missing", repr(missing), f"Choose one of {', '.join(MISSING_CHOICES)}")
    problems: list[SegevalError] = []
    if pairing.unreadable:
        problems.append(
            PairingError(
                "places that cannot be read", pairing.unreadable, "Fix or remove them, or use a folder without them"
            )
        )
    matched = sum(bool(pair.pred) for pair in pairing.pairs)
    if pairing.gt_files == 0:
        problems.append(_nothing("no ground truth masks", "gt", pairing))
    if pairing.pred_files == 0:
        problems.append(_nothing("no predictions", "pred", pairing))
    undecided = not pairing.missing and (pairing.ambiguous or pairing.clashes)
    few = not matched or (missing == "error" and _few(pairing, matched))
    if pairing.gt_files and pairing.pred_files and few and not undecided:
        problems.append(_names_differ(pairing, matched))
    if pairing.missing and missing == "error" and pairing.pred_files:
        problems.append(
            PairingError(
                "ground truth files without a prediction",
                map(gt_name, pairing.missing),
                (pairing.hint if few or pairing.photos else "")
                or "Add the predictions, or choose --missing skip (left out) or --missing miss (counted as wrong)",
            )
        )
    problems.extend(_undecided(pairing))
    raise_all(problems)
    return tuple(pair for pair in pairing.pairs if pair.pred or missing != "skip")


def _undecided(pairing: Pairing) -> Iterable[SegevalError]:
    if pairing.photos and pairing.hint:
        yield PairingError("photos pair where masks lie beside them", pairing.photos, pairing.hint)
    if pairing.ambiguous:
        yield PairingError(
            "several predictions could belong to one ground truth file",
            (f"{gt_name(gt)}: {_some(candidates, pred_name)}" for gt, candidates in pairing.ambiguous),
            pairing.hint or "Keep one prediction for each, or select with --pred-suffix",
        )
    if pairing.clashes:
        yield PairingError(
            "several ground truth files cannot be told apart",
            (
                _some(clash.gt, gt_name)
                + (f": {_some(clash.pred, pred_name)} could belong to any" if clash.pred else "")
                for clash in pairing.clashes
            ),
            pairing.hint or "Keep one for each image, select with --gt-suffix, or use the same layout in both folders",
        )
    if pairing.incomplete:
        yield PairingError(
            "class maps are missing",
            (f"{gt_name(gt)}: no map in {_some(folders, printable)}" for gt, folders in pairing.incomplete),
            "Write one map for every class of every image",
        )


def _few(pairing: Pairing, matched: int) -> bool:
    return 2 * matched < pairing.gt_files


def _names_differ(pairing: Pairing, matched: int) -> SegevalError:
    """Show one name of each side that does not pair, and what would pair them."""
    examples = (
        (gt_name, (*pairing.missing, *(gt for gt, _ in pairing.ambiguous), *_clashing(pairing.clashes))),
        (pred_name, (*pairing.extra, *pairing.pred_unselected)),
    )
    where = [name(paths[0]) for name, paths in examples if paths]
    fix = pairing.hint or "Name each prediction like its ground truth file, or see --gt-suffix and --pred-suffix"
    if matched:
        return PairingError("fewer than half of the ground truth files have a prediction by name", where, fix)
    return NothingToScoreError("no ground truth file has a prediction by name", where, fix)


def _clashing(clashes: Iterable[Clash]) -> Iterable[str]:
    return (path for clash in clashes for path in clash.gt)


def _nothing(what: str, side: str, pairing: Pairing) -> SegevalError:
    """Say what a folder without a single mask holds instead."""
    gt = side == "gt"
    root, unselected = (pairing.gt_root, pairing.gt_unselected) if gt else (pairing.pred_root, pairing.pred_unselected)
    chosen = {"suffix": pairing.gt_suffix if gt else pairing.pred_suffix}
    chosen["prefix"] = pairing.gt_prefix if gt else pairing.pred_prefix
    for part, text in chosen.items():
        if unselected and text:
            verb = "end" if part == "suffix" else "begin"
            option = f"--{side}-{part}"
            where = [f"{option} {printable(text)}", f"for example, {printable(unselected[0])} does not {verb} so"]
            return NothingToScoreError(f"{what} with this {part}", where, pairing.hint or f"Correct {option}")
    where = [f"{side.upper()} {printable(str(root))}"]
    others = extensions_in(root).most_common(SHOWN) if root.is_dir() else []
    if not others:
        return NothingToScoreError(f"{what} in the folder", where, "Check the path")
    held = ", ".join(f"{printable(ending)} ({files:,} file{'s' if files > 1 else ''})" for ending, files in others)
    where = [f"{where[0]}: it holds {held}"]
    if others[0][0].lower() == ".zip":
        return NothingToScoreError(f"{what} in the folder, which holds a zip archive", where, UNPACK_FIX)
    return NothingToScoreError(
        f"{what} in the folder", where, f"Check the path; {READ}: save the masks as one of these"
    )


def _some(names: Sequence[str], called: Callable[[str], str]) -> str:
    return listed([called(name) for name in names], SHOWN)
