"""The protocol as one line of text, and the ground truth that it was used on, as sacreBLEU names its test set.

`segeval|classes:19@1f0c2b7a|ignore:255|convention:cityscapes|v:0.1.0|images:500|gt:8f0a3c51`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from segeval.errors import UsageError
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import convention
from segeval.protocol.distances import read_distances, write_distances
from segeval.protocol.labeling import SegmentationClass, ranges
from segeval.protocol.numbers import number
from segeval.protocol.protocol import Mapped, Protocol, Resolution, from_preset
from segeval.protocol.settings import Probabilities
from segeval.protocol.storage import PLAIN_TEXTS, PLAINLY, STORAGE_NAMES, read_storage, storage_text
from segeval.protocol.widths import read_boundary, write_boundary
from segeval.records import dataclass
from segeval.version import __version__

FIRST = "segeval"
OF_PRESET = "preset"
VERSION = "v"
OF_DATA = ("images", "gt")
"""What a signature ends with: the number of images, and eight digits of the digest of the ground truth."""
ALWAYS_SHOWN = ("classes", "ignore", "convention", "eps", VERSION, *OF_DATA)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Tie a key of the signature to an attribute, with the text of a value and the value of a text."""

    key: str
    attribute: str
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _write_classes(classes: tuple[SegmentationClass, ...] | None) -> str:
    if classes is None:
        return "infer"
    plain = all(entry.id == index and entry.name == str(index) for index, entry in enumerate(classes))
    if plain:
        return str(len(classes))
    from segeval.protocol.classlists import class_digest

    return f"{len(classes)}@{class_digest(classes)}"


def _read_classes(text: str) -> tuple[SegmentationClass, ...] | None:
    if not text.isdigit():
        return None
    from segeval.protocol.classlists import numbered_classes

    return numbered_classes(int(text))


def _write_ignore(values: tuple[int | str, ...] | None) -> str:
    return "default" if values is None else ",".join(map(str, values)) or "none"


def _read_ignore(text: str) -> tuple[int | str, ...] | None:
    if text in ("default", "none"):
        return None if text == "default" else ()
    return tuple(int(part) if part.lstrip("-").isdigit() else part for part in text.split(","))


def _write_map(pairs: Mapped) -> str:
    return ",".join(f"{raw}={value}" for raw, value in pairs) or "none"


def _read_map(text: str) -> Mapped:
    pairs = [part.partition("=") for part in text.split(",") if text != "none"]
    return tuple((int(raw), int(value)) for raw, _, value in pairs)


def _write_value(value: float | str | tuple[float, ...] | None) -> str:
    if isinstance(value, tuple):
        return ",".join(map(number, value))
    return "none" if value is None else value if isinstance(value, str) else number(value)


def _read_value(text: str) -> float | str | None:
    try:
        return float(text)
    except ValueError:
        return None if text == "none" else text


def _read_alpha(text: str) -> float | str | tuple[float, ...] | None:
    return tuple(map(float, text.split(","))) if "," in text else _read_value(text)


def _read_weights(text: str) -> tuple[float, ...] | str | None:
    return _word(text) if text in ("none", "auto") else tuple(map(float, text.split(",")))


def _word(text: str) -> str | None:
    return None if text == "none" else text


def _read_level(text: str) -> int | None:
    return None if text == "none" else int(text)


def _read_kinds(text: str) -> tuple[str, ...]:
    return () if text == "none" else tuple(text.split(","))


def _write_chosen(classes: tuple[int | str, ...] | None) -> str:
    return "all" if classes is None else ",".join(map(str, classes))


def _read_chosen(text: str) -> tuple[int | str, ...] | None:
    return None if text == "all" else _read_ignore(text)


def _given(write: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "none" if value is None else write(value)


def _read_lesions(text: str) -> object:
    from segeval.protocol.lesions import read_lesions  # few runs look for lesions

    return read_lesions(text)


LABEL_FIELDS = (
    Field("classes", "classes", _write_classes, _read_classes),
    Field("ignore", "ignore", _write_ignore, _read_ignore),
    Field("map", "mapping", _write_map, _read_map),
    Field("gt-map", "gt_map", _write_map, _read_map),
    Field("pred-map", "pred_map", _write_map, _read_map),
    Field("closed", "closed", lambda closed: "yes" if closed else "no", lambda text: text == "yes"),
    Field("binary", "binary", lambda binary: "yes" if binary else "no", lambda text: text == "yes"),
)
"""What a preset decides; where the user did not say otherwise the signature says `preset`."""
WHERE_GIVEN = (
    Field("mean-over", "mean_over", _write_chosen, _read_chosen),
    Field("mean-weights", "mean_weights", _write_value, _read_weights),
    Field("gt-threshold", "gt_threshold", _write_value, _read_level),
    Field("pred-threshold", "pred_threshold", _write_value, _read_level),
    Field("boundary", "boundary", _given(write_boundary), read_boundary),
    Field("distances", "distances", _given(write_distances), read_distances),
    Field("lesions", "lesions", _given(str), _read_lesions),
    Field("allow", "allow", lambda kinds: ",".join(kinds) or "none", _read_kinds),
)
"""What a signature has only where it was asked for."""
OTHER_FIELDS = (
    Field("palette", "palette", _write_value, _word),
    Field("missing", "missing", str, str),
    Field("keys", "keys", _write_value, _word),
)
LOSS_FIELDS = (
    Field("threshold", "threshold", _write_value, float),
    Field("gamma", "gamma", _write_value, float),
    Field("alpha", "alpha", _write_value, _read_alpha),
    Field("pos-weight", "pos_weight", _write_value, _read_value),
    Field("eps", "eps", lambda eps: "default" if eps is None else _write_value(eps), _read_value),
    Field("class-weights", "class_weights", _write_value, _read_weights),
)
LOSS_FIELDS_WHERE_GIVEN = (
    Field("loss-reduction", "loss_reduction", _write_value, _word),
    Field("beta2", "beta2", _write_value, _read_value),
)
OF_LOSSES = (*LOSS_FIELDS, *LOSS_FIELDS_WHERE_GIVEN)


@dataclass(frozen=True, slots=True)
class Signature:
    """Hold the fields of a signature line in order, each a key and a text."""

    fields: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Read a signature line, short or long; raises `UsageError` where it is none."""
        first, *parts = text.strip().split("|")
        pairs = [part.partition(":") for part in parts]
        keys = [key for key, _, _ in pairs]
        if first != FIRST or len(set(keys)) != len(keys) or not all(key and value for key, _, value in pairs):
            raise UsageError(
                "this is not a segeval signature", (text[:200],), "Give the whole line that a report ends with"
            )
        return cls(tuple((key, unquote(value)) for key, _, value in pairs))

    def __str__(self) -> str:
        return "|".join([FIRST, *(f"{key}:{_quoted(value)}" for key, value in self.fields)])

    def get(self, key: str) -> str:
        """Return the text of one field, "" where it is absent."""
        return dict(self.fields).get(key, "")

    def with_fields(self, more: Iterable[tuple[str, str]]) -> Signature:
        """Add settings of a report, before the version and what was scored."""
        at = [key for key, _ in self.fields].index(VERSION)
        return Signature((*self.fields[:at], *more, *self.fields[at:]))

    def short(self) -> str:
        """Return the line without what is as it is by default."""
        defaults = _defaults(dict(self.fields))
        kept = [(key, text) for key, text in self.fields if key in ALWAYS_SHOWN or text != defaults.get(key)]
        return str(Signature(tuple((key, text) for key, text in kept if text != OF_PRESET)))

    def differences(self, other: Signature) -> tuple[str, ...]:
        """Tell every field in which two signatures differ, as "ignore: 255 vs 0"."""
        mine = _defaults(dict(self.fields)) | dict(self.fields)
        theirs = _defaults(dict(other.fields)) | dict(other.fields)
        return tuple(
            f"{key}: {mine.get(key, 'none')} vs {theirs.get(key, 'none')}"
            for key in dict.fromkeys([*mine, *theirs])
            if mine.get(key) != theirs.get(key)
        )

    def protocol(self) -> Protocol:
        """Restore the protocol that was asked for; a class list of the user's own, kept as a digest, is left open."""
        fields = _defaults(dict(self.fields)) | dict(self.fields)
        name = fields["preset"]
        protocol = _base(name) or Protocol(preset=None if name == "none" else name)
        texts = {key: _requested(text) for key, text in fields.items()}
        try:
            changes = {
                field.attribute: field.read(texts[field.key])
                for field in (*LABEL_FIELDS, *OTHER_FIELDS, *WHERE_GIVEN)
                if texts[field.key] != OF_PRESET
            }
            losses = {one.attribute: one.read(texts[one.key]) for one in OF_LOSSES if one.key in texts}
        except ValueError as error:
            raise UsageError("a field of the signature cannot be read", (str(error),), "Give it as printed") from None
        named = protocol.convention if texts["convention"] == OF_PRESET else convention(texts["convention"])
        axes = {axis: texts[_dashed(axis)] for axis in AXES}
        if losses.get("eps") == "default":
            losses["eps"] = None
        return replace(
            protocol,
            convention=named.with_axes(**axes),
            probabilities=Probabilities(**losses) if texts["probs"] == "yes" else None,
            storage=read_storage({name: texts[_dashed(name)] for name in STORAGE_NAMES}),
            **changes,
        )


def signature(
    resolution: Resolution,
    requested: Protocol,
    *,
    eps: str | None = None,
    left_out: str = "",
    of_data: tuple[int, str] | None = None,
) -> Signature:
    """Write a protocol as a signature: what was asked for, and in brackets what the data made of the rest.

    `eps` is what the maps made of an eps that was left open; `left_out` tells the class that a mean over the foreground
    leaves out; `of_data` has the number of images and the digest of their ground truth, "blake2b:...".
    """
    base = _base(requested.preset)
    fields = [("preset", requested.preset or "none")]
    for field in LABEL_FIELDS:
        value = getattr(requested, field.attribute)
        text = field.write(value)
        if base is not None and value == getattr(base, field.attribute):
            text = OF_PRESET
        elif text in ("infer", "default") or field.attribute in resolution.inferred:
            found = getattr(resolution.protocol, field.attribute)
            found_text = ranges(entry.id for entry in found) if field.key == "classes" else field.write(found)
            text = f"{text if text in ('infer', 'default') else 'infer'}({found_text})"
        fields.append((field.key, text))
    fields.append(("convention", requested.convention.name))
    fields.extend((_dashed(axis), choice) for axis, choice in requested.convention.axes().items())
    fields.extend(_texts(OTHER_FIELDS, requested).items())
    for field in WHERE_GIVEN:
        value = getattr(requested, field.attribute)
        if value not in (None, ()):
            text = field.write(value)
            fields.append((field.key, f"{text}({left_out})" if left_out and text == "foreground" else text))
    if requested.storage != PLAINLY:
        fields.extend((_dashed(name), storage_text(value)) for name, value in requested.storage.to_dict().items())
    fields.append(("probs", "no" if requested.probabilities is None else "yes"))
    if requested.probabilities is not None:
        losses = requested.probabilities
        texts = _texts(LOSS_FIELDS, losses)
        if eps is not None and losses.eps is None:
            texts["eps"] = f"{texts['eps']}({eps})"
        fields.extend(texts.items())
        fields.extend(
            (field.key, field.write(value))
            for field in LOSS_FIELDS_WHERE_GIVEN
            if (value := getattr(losses, field.attribute)) is not None
        )
    fields.append((VERSION, __version__))
    if of_data is not None:
        images, digest = of_data
        fields.extend(zip(OF_DATA, (str(images), digest.partition(":")[2][:8]), strict=True))
    return Signature(tuple(fields))


def _texts(fields: Iterable[Field], of: object) -> dict[str, str]:
    return {field.key: field.write(getattr(of, field.attribute)) for field in fields}


def known_keys() -> tuple[str, ...]:
    """Return every key that the protocol and the data have in a signature."""
    fields = (*LABEL_FIELDS, *OTHER_FIELDS, *WHERE_GIVEN, *OF_LOSSES)
    keys = (*map(_dashed, (*AXES, *STORAGE_NAMES)), *(field.key for field in fields))
    return ("preset", "convention", "probs", *keys, VERSION, *OF_DATA)


def _base(name: str | None) -> Protocol | None:
    """Return the protocol of one of segeval's own presets, `None` for any other name."""
    if name is None or name == "none":
        return None
    from segeval.protocol.presets import preset, preset_names

    return from_preset(preset(name)) if name in preset_names() else None


def _defaults(fields: dict[str, str]) -> dict[str, str]:
    """Return the text that each absent field of a signature stands for."""
    base = _base(fields.get("preset")) or Protocol()
    texts = {"preset": "none"}
    for field in LABEL_FIELDS:
        texts[field.key] = OF_PRESET if base.preset else field.write(getattr(base, field.attribute))
    texts["convention"] = base.convention.name
    named = convention(fields.get("convention", base.convention.name))
    texts.update({_dashed(axis): choice for axis, choice in named.axes().items()})
    texts.update(_texts((*OTHER_FIELDS, *WHERE_GIVEN), base))
    texts.update({_dashed(name): text for name, text in PLAIN_TEXTS.items()})
    texts["probs"] = "no"
    if fields.get("probs") == "yes":
        texts.update(_texts(OF_LOSSES, Probabilities()))
    return texts


def _requested(text: str) -> str:
    """Drop what the data made of an open field: `infer(0..3)` was asked for as `infer`."""
    word, bracket, _ = text.partition("(")
    return word if bracket and word in ("infer", "default", "foreground") else text


def _dashed(axis: str) -> str:
    return axis.replace("_", "-")


def _quoted(value: str) -> str:
    return quote(value, safe=" !#$&'()*+,-./;<=>?@[]^_`{}~:\"\\")
