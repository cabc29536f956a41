"""Frozen data classes that cost a tenth of the standard library's at import.

`dataclasses.dataclass(frozen=True, slots=True)` compiles six methods a class and looks at each annotation three times:
the eighty classes of a plain score took a sixth of its whole time. Here methods are shared, `__init__` is compiled when
the first instance is made, and what tools for data classes ask of a class is made when they ask. Type checkers see the
standard decorator, and `dataclasses.replace`, `fields` and `asdict` work as ever.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

Member = tuple[str, Any, bool, Any]
"""A field: its name, what is given as its default, whether it is given by keyword only, and its annotation."""

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
            For a class that would not be frozen, or has variables of the class or of `__init__` beside its fields.
            What the standard decorator refuses is refused when the class is first used.

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
            own = _own_members(cls, kw_only=kw_only)
            members = {name: member for base in cls.__mro__[:0:-1] for name, member in _members(base).items()} | own
            shared: dict[str, Any] = {
                "__repr__": _shown,
                "__setattr__": _refuse_setting,
                "__delattr__": _refuse_deleting,
            }
            if slots:
                shared |= _pickling(tuple(members))
            if eq:
                shared |= _comparison(tuple(name for name, given, _, _ in members.values() if _is_compared(given)))
            shared = {name: method for name, method in shared.items() if name not in cls.__dict__}
            shared |= {_MEMBERS: members, "__match_args__": tuple(name for name in members if not members[name][2])}
            made = (_with_slots if slots else _without_slots)(cls, own, shared)
            made.__init__ = _Later("__init__", made, _initializer)
            for name in _FOR_TOOLS:
                setattr(made, name, _Later(name, made, _told_to_tools(name, own, kw_only=kw_only)))
            return made

        return decorate


_set = object.__setattr__
_FRESH = object()
"""Stands for a default that is made anew for each instance."""
_MEMBERS = "_segeval_members"
_FOR_TOOLS = ("__dataclass_fields__", "__dataclass_params__")


class _Later:
    """Be an attribute of the class `home` that is made when it is first asked for."""

    __slots__ = ("home", "make", "name")

    def __init__(self, name: str, home: type[Any], make: Callable[[type[Any]], Any]) -> None:
        self.name, self.home, self.make = name, home, make

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        setattr(self.home, self.name, self.make(self.home))
        return getattr(owner if instance is None else instance, self.name)


def _members(cls: type[Any]) -> Mapping[str, Member]:
    members: Mapping[str, Member] = cls.__dict__.get(_MEMBERS, {})
    return members


def _own_members(cls: type[Any], *, kw_only: bool) -> dict[str, Member]:
    own: dict[str, Member] = {}
    for name, annotation in cls.__annotations__.items():
        if str(annotation).startswith(("ClassVar", "InitVar", "KW_ONLY")):
            raise TypeError(f"{name} is no field: write {annotation} in an ordinary class")
        given = cls.__dict__.get(name, dataclasses.MISSING)
        by_keyword = kw_only
        if isinstance(given, dataclasses.Field) and given.kw_only is not dataclasses.MISSING:
            by_keyword = given.kw_only
        own[name] = (name, given, by_keyword, annotation)
    return own


def _is_compared(given: Any) -> bool:
    return given.compare if isinstance(given, dataclasses.Field) else True


def _with_slots(cls: type[Any], own: Mapping[str, Member], shared: dict[str, Any]) -> type[Any]:
    """Return the class anew: slots can only be given at the start."""
    dropped = {*own, "__dict__", "__weakref__"}
    namespace = {name: value for name, value in cls.__dict__.items() if name not in dropped} | shared
    inherited = {name for base in cls.__mro__[1:-1] for name in base.__dict__.get("__slots__", ())}
    namespace["__slots__"] = tuple(name for name in shared[_MEMBERS] if name not in inherited)
    made = _anew(cls, namespace)
    made.__qualname__ = cls.__qualname__
    return made


def _anew(cls: type[Any], namespace: dict[str, Any]) -> type[Any]:
    kind: Any = type(cls)
    made: type[Any] = kind(cls.__name__, cls.__bases__, namespace)
    return made


def _without_slots(cls: type[Any], own: Mapping[str, Member], shared: dict[str, Any]) -> type[Any]:
    for name, given, _, _ in own.values():
        if not isinstance(given, dataclasses.Field):
            continue
        if given.default is dataclasses.MISSING:
            delattr(cls, name)
        else:
            setattr(cls, name, given.default)
    for name, value in shared.items():
        setattr(cls, name, value)
    return cls


def _told_to_tools(name: str, own: Mapping[str, Member], *, kw_only: bool) -> Callable[[type[Any]], Any]:
    """Return what makes one of `_FOR_TOOLS`: it is taken from a standard data class of the same fields."""

    def told(cls: type[Any]) -> Any:
        namespace = {member: given for member, given, _, _ in own.values() if given is not dataclasses.MISSING}
        namespace |= {"__annotations__": cls.__annotations__, "__module__": cls.__module__, "__doc__": cls.__doc__}
        twin = _anew(cls, namespace)
        made = dataclasses.dataclass(init=False, repr=False, eq=False, frozen=True, kw_only=kw_only)(twin)
        return getattr(made, name)

    return told


def _initializer(cls: type[Any]) -> Callable[..., None]:
    """Return the `__init__` that takes the members in their order, those by keyword only at the end."""
    known: dict[str, Any] = {"_set": _set, "_FRESH": _FRESH}
    given: list[str] = []
    named: list[str] = []
    lines: list[str] = []
    members = _members(cls)
    for name, default, by_keyword, _ in members.values():
        told, value = "", name
        factory: Any = dataclasses.MISSING
        if isinstance(default, dataclasses.Field):
            factory, default = default.default_factory, default.default
        if default is not dataclasses.MISSING:
            known[f"_default_{name}"] = default
            told = f"=_default_{name}"
        elif factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = factory
            told, value = "=_FRESH", f"_make_{name}() if {name} is _FRESH else {name}"
        (named if by_keyword else given).append(name + told)
        lines.append(f" _set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    arguments = ", ".join(["self", *given, *(["*", *named] if named else [])])
    exec(f"def __init__({arguments}):\n" + ("\n".join(lines) or " pass"), known)
    made: Callable[..., None] = known["__init__"]
    made.__annotations__ = {**{name: annotation for name, _, _, annotation in members.values()}, "return": "None"}
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__module__ = cls.__module__
    return made


def _comparison(names: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    """Return `__eq__` and `__hash__` over the fields of `names`."""
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented  # so that Python asks the other side, which may know both classes
        return values(self) == values(other)

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
