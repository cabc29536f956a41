"""Find the options under which names that do not pair would pair; nothing is suggested that was not tried."""

from __future__ import annotations

import shlex
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from segeval.errors import printable
from segeval.folders.matching import Matching, PairingRules, match
from segeval.folders.walking import extension, is_photo

SAMPLE = 200
"""Names of each side that are looked at to guess suffixes."""
TRIES = 6
"""Guesses that are tried on all names."""
LEVELS = 3
"""How many folders further in a suggested folder may lie."""

PATTERNS = (
    "^[0-9]+",
    "[0-9]+",
    r"[0-9]+(?=[^0-9]*\.[^.]*$)",
    "0*([0-9]+)",
    "^[^_]+",
    "^[^.]+",
    r"[^_]+(?=\.[^.]*$)",
    "[0-9]+_[0-9]+",
)
"""What tells images apart in most names: the first, the only or the last number, a first or last word, two numbers."""
SEPARATORS = "_-. "


def usable(found: Matching) -> int:
    """Return the number of pairs of which neither file is named like a photo."""
    return sum(not (is_photo(file.path) or is_photo(pred)) for file, pred in found.paired)


def hint(gt: Sequence[str], pred: Sequence[str], rules: PairingRules, suffixes: frozenset[str], found: Matching) -> str:
    """Return one sentence with the options or arguments that pair most of these paths, or "" if none does for sure.

    `found` is how they pair as they are. Linear in the number of paths.
    """
    if not gt or not pred:
        return ""
    return (
        _extensions(gt, pred, rules, suffixes, found)
        or _swapped(gt, pred, rules, suffixes, found)
        or _suffixes(gt, pred, rules, suffixes, found)
        or _folder(found)
        or _letter_case(found)
        or _prefixes(gt, pred, rules, suffixes, found)
        or _patterns(gt, pred, rules, suffixes, found)
    )


def _better(tried: Matching, found: Matching, gt: Sequence[str], pred: Sequence[str]) -> bool:
    """Hold a suggestion to pairing more (or missing less) than now, and most of what could pair at all."""
    gain = (usable(tried), -len(tried.missing)) > (usable(found), -len(found.missing))
    return gain and 2 * len(tried.paired) > min(len(gt), len(pred))


def _extensions(
    gt: Sequence[str], pred: Sequence[str], rules: PairingRules, suffixes: frozenset[str], found: Matching
) -> str:
    """Suggest the extension of each side where files of one name and several extensions clash: 0.png beside 0.npy."""
    clashing = [path for clash in found.clashes for path in clash.gt]
    rivals = [path for _, preds in found.ambiguous for path in preds]
    rivals += [path for clash in found.clashes for path in clash.pred]
    if not clashing and not rivals:
        return ""
    best: tuple[tuple[int, int, bool, bool], str, str, Matching] | None = None
    for gt_suffix in _endings(found.gt.suffix, clashing, suffixes):
        for pred_suffix in _endings(found.pred.suffix, rivals, suffixes):
            chosen = replace(rules, gt_suffix=gt_suffix or None, pred_suffix=pred_suffix or None)
            tried = match(gt, pred, chosen, suffixes)
            # PNG is what masks most often are; probabilities and photos lie beside them
            named = (gt_suffix + pred_suffix).lower()
            rank = (usable(tried), -len(gt_suffix + pred_suffix), ".png" in named, not is_photo(f"x{pred_suffix}"))
            if tried.paired and not tried.ambiguous and not tried.clashes and (best is None or rank > best[0]):
                best = (rank, gt_suffix, pred_suffix, tried)
    if best is None or usable(best[3]) <= usable(found):
        return ""
    return _would_pair(best[3], found)


def _endings(suffix: str | None, rivals: Sequence[str], suffixes: frozenset[str]) -> list[str]:
    """Return the suffix as it is, and with each extension that the rivals have."""
    now = suffix or ""
    if extension(f"x{now}", suffixes) is not None:
        return [now]
    return [now, *sorted({f"{now}{extension(path, suffixes) or ''}" for path in rivals} - {now})]


def _would_pair(tried: Matching, found: Matching) -> str:
    """Say which options make the one of two matchings of the other, and what they would pair."""
    sides = (("gt", tried.gt, found.gt), ("pred", tried.pred, found.pred))
    options = [
        f"--{side}-{part} {shlex.quote(printable(text or ''))}"
        for part in ("prefix", "suffix")
        for side, then, now in sides
        for text, before in [(getattr(then, part), getattr(now, part))]
        if text or before
    ]
    return f"{' '.join(options)} would pair {len(tried.paired)} of {len(tried.gt.files)}"


def _swapped(
    gt: Sequence[str], pred: Sequence[str], rules: PairingRules, suffixes: frozenset[str], found: Matching
) -> str:
    tried = match(pred, gt, rules, suffixes)
    # only a rule that tells the sides apart, such as a suffix, makes more names pair the other way round
    if len(tried.paired) <= len(found.paired) or not _better(tried, found, gt, pred):
        return ""
    return f"The two folders look swapped: the other way round {len(tried.paired)} pair, and predictions come first"


def _suffixes(
    gt: Sequence[str], pred: Sequence[str], rules: PairingRules, suffixes: frozenset[str], found: Matching
) -> str:
    gt_stems, pred_stems = _stems(gt, suffixes), _stems(pred, suffixes)
    votes = _votes(gt_stems, pred_stems)
    shared = _shared_ending([_stem(path, suffixes) for path in (file.path for file, _ in found.paired)])
    if shared:
        votes[shared, shared] += 2 * SAMPLE  # the names that pair already tell most
    best: tuple[tuple[int, int, bool, bool, int], Matching] | None = None
    for gt_end, pred_end in sorted(votes, key=lambda guess: (-votes[guess], guess))[:TRIES]:
        gt_suffix, pred_suffix = _whole(gt_end, gt, suffixes), _whole(pred_end, pred, suffixes)
        tried = match(gt, pred, replace(rules, gt_suffix=gt_suffix, pred_suffix=pred_suffix), suffixes)
        if _better(tried, found, gt, pred):
            # several files may accompany an image (Cityscapes: color, instanceIds): the one named label is the mask
            named = gt_suffix == pred_suffix or "label" in gt_suffix.lower()
            whole = all(suffix[:1] in SEPARATORS for suffix in (gt_suffix, pred_suffix))
            rank = (usable(tried), -len(tried.missing), named, whole, -len(gt_suffix))
            if best is None or rank > best[0]:
                best = (rank, tried)
        if usable(tried) == len(gt):
            break
    return "" if best is None else _would_pair(best[1], found)


def _whole(ending: str, paths: Sequence[str], suffixes: frozenset[str]) -> str:
    """Add the extension to an ending that looks like one: .jpg of 000.jpg.png selects as .jpg.png only."""
    if extension(f"x{ending}", suffixes) is None:
        return ending
    bearing = [path for path in paths if _stem(path, suffixes).endswith(ending)]
    return f"{ending}{extension(bearing[0], suffixes) or ''}" if bearing else ending


def _prefixes(
    gt: Sequence[str], pred: Sequence[str], rules: PairingRules, suffixes: frozenset[str], found: Matching
) -> str:
    """As `_suffixes`, of names read from behind."""
    votes = _votes(*(sorted(stem[::-1] for stem in _stems(paths, suffixes)) for paths in (gt, pred)))
    best: tuple[tuple[int, int, bool, int], Matching] | None = None
    for gt_end, pred_end in sorted(votes, key=lambda guess: (-votes[guess], guess))[:TRIES]:
        gt_prefix, pred_prefix = gt_end[::-1], pred_end[::-1]
        if any(character.isdigit() for character in gt_prefix + pred_prefix):
            continue  # numbers tell images apart
        tried = match(gt, pred, replace(rules, gt_prefix=gt_prefix, pred_prefix=pred_prefix), suffixes)
        if _better(tried, found, gt, pred):
            whole = all(prefix[-1:] in SEPARATORS for prefix in (gt_prefix, pred_prefix))
            rank = (usable(tried), -len(tried.missing), whole, -len(gt_prefix))
            if best is None or rank > best[0]:
                best = (rank, tried)
    return "" if best is None else _would_pair(best[1], found)


def _patterns(
    gt: Sequence[str], pred: Sequence[str], rules: PairingRules, suffixes: frozenset[str], found: Matching
) -> str:
    """Suggest a pattern that pairs every file of the smaller side, each with one of the other."""
    if {path[path.rfind("/") + 1 :] for path in gt} & {path[path.rfind("/") + 1 :] for path in pred}:
        return ""  # files of one name in other folders are other images
    fewer = min(len(found.gt.files), len(found.pred.files))
    for pattern in PATTERNS if fewer > 1 else ():
        tried = match(gt, pred, replace(rules, key_regex=pattern), suffixes)
        whole = len(tried.paired) == fewer and not tried.ambiguous and not tried.clashes
        if whole and _better(tried, found, gt, pred):
            return f"--key-regex {shlex.quote(pattern)} would pair {len(tried.paired)} of {len(tried.gt.files)}"
    return ""


def _stem(path: str, suffixes: frozenset[str]) -> str:
    name = path[path.rfind("/") + 1 :]
    return name[: len(name) - len(extension(name, suffixes) or "")]


def _stems(paths: Iterable[str], suffixes: frozenset[str]) -> list[str]:
    return sorted({_stem(path, suffixes) for path in paths})


def _votes(gt: Sequence[str], pred: Sequence[str]) -> Counter[tuple[str, str]]:
    """Count the (gt suffix, pred suffix) that remain of names laid beside their nearest of the other side."""
    votes: Counter[tuple[str, str]] = Counter()
    for name in _sample(gt):
        votes.update({guess for other in _neighbours(name, pred) for guess in _guesses(name, other)})
    for name in _sample(pred):
        votes.update({guess for other in _neighbours(name, gt) for guess in _guesses(other, name)})
    return votes


def _sample(names: Sequence[str]) -> Sequence[str]:
    return names[:: max(1, -(-len(names) // SAMPLE))]


def _neighbours(name: str, others: Sequence[str]) -> Sequence[str]:
    """Return the names in sorted `others` that can have the longest beginning in common with `name`."""
    index = bisect_left(others, name)
    return others[max(0, index - 1) : index + 1]


def _guesses(gt: str, pred: str) -> Iterable[tuple[str, str]]:
    shared = len(_beginning([gt, pred]))
    boundary = max(gt.rfind(separator, 0, shared) for separator in SEPARATORS)
    cuts = {shared, boundary}
    if shared in (len(gt), len(pred)):
        cuts = {shared}  # one name begins the other: what remains of the other is its suffix
    elif boundary == shared - 1:
        cuts = {boundary}  # a separator belongs to the suffix that follows it
    for cut in cuts:
        guess = (gt[cut:], pred[cut:])
        # img_0301 and img_0001 differ in their numbers: these are two images
        if cut > 0 and any(character.isalpha() for character in "".join(guess)):
            yield guess


def _beginning(names: Sequence[str]) -> str:
    """Return what all names begin with: what the first and the last in order do."""
    first, last = min(names), max(names)
    return next((first[:end] for end, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), first)


def _shared_ending(stems: Sequence[str]) -> str:
    """Return what all of several names end with, from its last separator on."""
    if len(stems) < 2:
        return ""
    ending = _beginning([stem[::-1] for stem in stems])[::-1]
    start = max(ending.rfind(separator) for separator in SEPARATORS)
    return ending[start:] if start >= 0 else ""


def _folder(found: Matching) -> str:
    """Suggest a folder further in where most files below it then pair by their whole relative path."""
    gt = [file.key for file in found.gt.files]
    pred = [file.key for file in found.pred.files]
    for side, keys, others in (("ground truth", gt, set(pred)), ("predictions", pred, set(gt))):
        tally: Counter[str] = Counter()
        for key in keys:
            start = -1
            for _ in range(LEVELS):
                start = key.find("/", start + 1)
                if start < 0:
                    break
                tally[key[:start]] += key[start + 1 :] in others
        folder, count = max(tally.items(), key=lambda item: (item[1], item[0]), default=("", 0))
        inside = sum(key.startswith(f"{folder}/") for key in keys)
        if count > len(found.paired) and 2 * count > inside:
            return f"Give the folder {printable(folder)} inside the {side} folder instead: {count} would pair"
    return ""


def _letter_case(found: Matching) -> str:
    keys = Counter(file.key.casefold() for file in found.pred.files)
    same = {file.key for file in found.pred.files}
    count = sum(keys[file.key.casefold()] == 1 and file.key not in same for file in found.gt.files)
    if count > len(found.paired) and 2 * count > min(len(found.gt.files), len(found.pred.files)):
        return f"{count} names differ in upper and lower case only: rename the files of one side"
    return ""
