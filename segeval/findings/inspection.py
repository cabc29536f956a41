"""What an inspection of two folders found: files, encodings, sizes, values, and what looks wrong. Never a score."""

from __future__ import annotations

from typing import Any

from segeval.errors import Finding
from segeval.findings.remedies import Remedy
from segeval.protocol.protocol import Inference
from segeval.records import dataclass

SCHEMA = 2
TOP = 20
"""Values listed of a folder, those of most pixels."""


@dataclass(frozen=True, slots=True)
class ValueShare:
    """Tell how many of a folder's decoded pixels hold a value, and what it means: a class's name, void or unknown."""

    value: int
    pixels: int
    share: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Side:
    """Hold what one folder holds: how many files of which encoding and size, and their values.

    `encodings` and `sizes` ((width, height)) are by number of files, descending; `values` are the most frequent of
    `distinct` ones in the files decoded, empty where none could be. Of 8-bit probability maps they are levels.
    """

    files: int
    encodings: tuple[tuple[str, int], ...]
    sizes: tuple[tuple[tuple[int, int], int], ...]
    values: tuple[ValueShare, ...] = ()
    distinct: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one folder."""
        return {
            "files": self.files,
            "encodings": [{"encoding": name, "files": files} for name, files in self.encodings],
            "sizes": [{"width": width, "height": height, "files": files} for (width, height), files in self.sizes],
            "distinct": self.distinct,
            "values": [{name: getattr(entry, name) for name in ValueShare.__slots__} for entry in self.values],
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """Hold what two folders hold.

    `pairs` counts the pairs, `decoded` those of them whose pixels were read. `missing`, `extra`, `ambiguous` and
    `clashes` are as in `Pairing`. `notes` tell what is taken from the data. Findings that block come first.
    `remedy` holds the options that score right, `None` where none do. `suggestions` are options that would read what
    lies beside the folders, or masks that nothing decodes; each was tried.
    """

    pairs: int
    decoded: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...]
    clashes: tuple[tuple[str, ...], ...]
    gt: Side
    pred: Side
    findings: tuple[Finding, ...]
    notes: tuple[Inference, ...] = ()
    remedy: Remedy | None = None
    strict: bool = False
    suggestions: tuple[Inference, ...] = ()

    @property
    def ready(self) -> bool:
        """Tell whether scoring would work; under `strict` warnings that are not allowed keep it from working."""
        return not any(finding.blocks or (self.strict and not finding.allowed) for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the inspection as JSON values.

        {schema, ready, pairs, decoded, missing, extra, ambiguous ([{gt, pred}]), clashes, gt, pred, findings ([{kind,
        what, where, fix, severity}]), notes and suggestions ([{what, option}]), remedy ({options, swap}, or `None`)};
        `gt` and `pred` are {files, encodings ([{encoding,
        files}]), sizes ([{width, height, files}]), distinct, values ([{value, pixels, share, meaning}])}.
        """
        return {
            "schema": SCHEMA,
            "ready": self.ready,
            "pairs": self.pairs,
            "decoded": self.decoded,
            "missing": list(self.missing),
            "extra": list(self.extra),
            "ambiguous": [{"gt": gt, "pred": list(pred)} for gt, pred in self.ambiguous],
            "clashes": [list(files) for files in self.clashes],
            "gt": self.gt.to_dict(),
            "pred": self.pred.to_dict(),
            "findings": [{**finding.to_dict(), "severity": finding.severity} for finding in self.findings],
            "notes": [{"what": note.what, "option": note.option} for note in self.notes],
            "suggestions": [{"what": one.what, "option": one.option} for one in self.suggestions],
            "remedy": self.remedy and {"options": dict(self.remedy.options), "swap": self.remedy.swap},
        }
