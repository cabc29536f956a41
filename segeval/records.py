"""Frozen data classes that cost a quarter of the standard library's at import.

`dataclasses.dataclass(frozen=True, slots=True)` compiles six methods a class; the sixty classes of a plain score took a
seventh of its whole time. Here only `__init__` is compiled, and the other methods are shared. Type checkers see the
standard decorator, and `dataclasses.replace`, `fields` and `asdict` work as ever.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(
        *, frozen: bool, slots: bool = False, kw_only: bool = False, eq: bool = True
    ) -> Callable[[type[Any]], type[Any]]:
        """Make a class frozen data, as `dataclasses.dataclass` with the same arguments does.

        Raises
        ------
        TypeError
            For a class that would not be frozen, and wherever the standard decorator raises it.

        Examples
        --------
        >>> @dataclass(frozen=True, slots=True)
        ... class Size:
        ...     height: int
        ...     width: int = 1
        >>> Size(2)
        Size(height=2, width=1)
        """
        if not frozen:
            raise TypeError("only frozen classes are made here")

        def decorate(cls: type[Any]) -> type[Any]:
            made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
            members = dataclasses.fields(made)
            made.__init__ = _initializer(made, members)
            shared = {"__repr__": _shown, "__setattr__": _refuse_setting, "__delattr__": _refuse_deleting}
            if slots:
                shared |= _pickling(tuple(member.name for member in members))
            if eq:
                shared |= _comparison(tuple(member.name for member in members if member.compare))
            for name, method in shared.items():
                if name not in cls.__dict__:
                    setattr(made, name, method)
            return made

        return decorate


_set = object.__setattr__
_FRESH = object()
"""Stands for a default that is made anew for each instance."""


def _initializer(cls: type[Any], members: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    """Return the `__init__` that takes `members` in their order, those by keyword only at the end."""
    known: dict[str, Any] = {"_set": _set, "_FRESH": _FRESH}
    given: list[str] = []
    named: list[str] = []
    lines: list[str] = []
    for member in members:
        name, default, value = member.name, "", member.name
        if member.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = member.default
            default = f"=_default_{name}"
        elif member.default_factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = member.default_factory
            default, value = "=_FRESH", f"_make_{name}() if {name} is _FRESH else {name}"
        (named if member.kw_only else given).append(name + default)
        lines.append(f" _set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    arguments = ", ".join(["self", *given, *(["*", *named] if named else [])])
    exec(f"def __init__({arguments}):\n" + ("\n".join(lines) or " pass"), known)
    made: Callable[..., None] = known["__init__"]
    made.__annotations__ = {**{member.name: member.type for member in members}, "return": "None"}
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__module__ = cls.__module__
    return made


def _comparison(names: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    """Return `__eq__` and `__hash__` over the fields of `names`."""
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return {"__eq__": equal, "__hash__": lambda self: hash(values(self))}


def _shown(self: Any) -> str:
    """Show the class and its fields, as the standard data classes do."""
    shown = (f"{member.name}={getattr(self, member.name)!r}" for member in dataclasses.fields(self) if member.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse_setting(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _pickling(names: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    """Return `__getstate__` and `__setstate__`: a pickle holds the values of all fields."""

    def state(self: Any) -> list[Any]:
        return [getattr(self, name) for name in names]

    def restore(self: Any, state: list[Any]) -> None:
        for name, value in zip(names, state, strict=True):
            _set(self, name, value)

    return {"__getstate__": state, "__setstate__": restore}
