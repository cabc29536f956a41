"""Data classes that are quick to make behave as the standard library's do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from typing import Any, ClassVar

import pytest

from segeval.records import dataclass

standard = dataclasses.dataclass(frozen=True, slots=True)


@dataclass(frozen=True, slots=True)
class Quick:
    """Hold a bit of everything."""

    count: int
    name: str = "road"
    parts: list[int] = dataclasses.field(default_factory=list)
    note: str = dataclasses.field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("a count is not negative")


@standard
class Standard:
    """Hold the same."""

    count: int
    name: str = "road"
    parts: list[int] = dataclasses.field(default_factory=list)
    note: str = dataclasses.field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("a count is not negative")


BOTH = pytest.mark.parametrize("made", [Quick, Standard], ids=["ours", "standard"])


@BOTH
def test_fields_can_be_neither_set_nor_deleted(made: Any) -> None:
    data = made(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'count'"):
        data.count = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'count'"):
        del data.count
    assert data.count == 1


@BOTH
def test_a_name_that_is_no_field_is_refused(made: Any) -> None:
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):  # the standard one raises either, by version
        made(1).other = 2
    assert not hasattr(made(1), "__dict__")


@BOTH
@pytest.mark.parametrize(
    ("given", "named"), [((), {}), ((1, "a", [], "", 5), {}), ((1,), {"count": 1}), ((1,), {"width": 1})]
)
def test_wrong_arguments_are_a_type_error(made: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        made(*given, **named)


@BOTH
def test_what_the_class_refuses_is_refused(made: Any) -> None:
    with pytest.raises(ValueError, match="not negative"):
        made(-1)
    with pytest.raises(ValueError, match="not negative"):
        dataclasses.replace(made(1), count=-1)


@BOTH
def test_a_default_that_is_made_is_made_anew(made: Any) -> None:
    assert made(1).parts == []
    assert made(1).parts is not made(1).parts


@BOTH
def test_equal_fields_are_equal_data_but_for_those_that_are_not_compared(made: Any) -> None:
    assert made(1, "a", [2], note="x") == made(1, "a", [2], note="y")
    assert made(1, "a", [2]) != made(1, "a", [3])
    assert made(1) != (1, "road", [])
    assert made(1).__eq__(object()) is NotImplemented


@BOTH
def test_the_hash_is_that_of_the_fields(made: Any) -> None:
    assert hash(made(1, parts=())) == hash(made(1, parts=(), note="y"))
    with pytest.raises(TypeError, match="unhashable"):
        hash(made(1, parts=[]))


@BOTH
def test_it_shows_its_fields_but_for_those_that_are_not_shown(made: Any) -> None:
    assert repr(made(1, "a", [2], "x")) == f"{made.__name__}(count=1, name='a', parts=[2])"


@BOTH
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_pickled_and_copied(made: Any, protocol: int) -> None:
    data = made(1, "a", [2], "x")
    for twin in (pickle.loads(pickle.dumps(data, protocol)), copy.copy(data), copy.deepcopy(data)):
        assert (twin, twin.note) == (data, "x")


@BOTH
def test_tools_for_data_classes_work(made: Any) -> None:
    assert [member.name for member in dataclasses.fields(made)] == ["count", "name", "parts", "note"]
    assert dataclasses.asdict(made(1)) == {"count": 1, "name": "road", "parts": [], "note": ""}
    assert dataclasses.replace(made(1), name="b") == made(1, "b")
    assert made.__match_args__ == ("count", "name", "parts", "note")


def test_its_signature_is_that_of_the_standard_one_to_a_reader() -> None:
    ours, theirs = inspect.signature(Quick).parameters.values(), inspect.signature(Standard).parameters.values()
    assert [(one.name, one.kind, one.annotation) for one in ours] == [
        (one.name, one.kind, one.annotation) for one in theirs
    ]


def test_fields_by_keyword_only_and_those_of_a_base_class_come_in_their_order() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Base:
        first: int = 1

    @dataclass(frozen=True, slots=True)
    class More(Base):
        second: int

    assert repr(More(2, first=3)).endswith("More(first=3, second=2)")
    with pytest.raises(TypeError):
        More(2, 3)  # type: ignore[call-arg]  # what is tested


def test_classes_that_are_compared_by_identity_stay_so() -> None:
    @dataclass(frozen=True, slots=True, eq=False)
    class Table:
        counts: int

    table = Table(1)
    assert table == table
    assert table != Table(1)
    assert len({table, Table(1)}) == 2


def test_without_slots_a_class_can_keep_what_it_has_computed() -> None:
    from functools import cached_property

    @dataclass(frozen=True)
    class Sums:
        values: tuple[int, ...]

        @cached_property
        def total(self) -> int:
            return sum(self.values)

    data = Sums((1, 2))
    assert (data.total, data.__dict__["total"]) == (3, 3)


def test_what_a_class_defines_itself_is_kept() -> None:
    @dataclass(frozen=True, slots=True)
    class Named:
        name: str

        def __repr__(self) -> str:
            return f"<{self.name}>"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    assert repr(Named("a")) == "<a>"
    assert Named("a") == Named("b")
    assert hash(Named("a")) == 7


def test_data_that_could_change_are_not_made() -> None:
    with pytest.raises(TypeError, match="frozen"):
        dataclass(frozen=False)(Quick)


def test_variables_that_are_no_fields_are_refused() -> None:
    with pytest.raises(TypeError, match="shared is no field"):

        @dataclass(frozen=True, slots=True)
        class Shared:
            shared: ClassVar[int] = 1


def test_what_the_standard_decorator_refuses_is_refused_when_the_class_is_used() -> None:
    @dataclass(frozen=True, slots=True)
    class Wrong:
        parts: list[int] = []  # noqa: RUF012 - what is tested

    with pytest.raises(ValueError, match="mutable default"):
        dataclasses.fields(Wrong)


def test_what_is_made_late_is_made_once_for_a_class_and_those_below_it() -> None:
    @dataclass(frozen=True, slots=True)
    class Base:
        first: int

    @dataclass(frozen=True, slots=True)
    class More(Base):
        second: int = 2

    class Plain(More):
        """Add nothing."""

    made = Plain(1)
    assert (made.first, made.second) == (1, 2)
    assert "__init__" not in vars(Plain)
    assert Plain.__init__ is More.__init__ is not Base.__init__
    assert dataclasses.fields(Plain) == dataclasses.fields(made) == dataclasses.fields(More)
    assert [member.name for member in dataclasses.fields(Base)] == ["first"]
    assert dataclasses.replace(More(1), second=3) == More(1, 3)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_what_another_process_unpickles_first_can_be_used(protocol: int) -> None:
    text = repr(pickle.dumps(Quick(1, "a"), protocol))
    code = f"import pickle; made = pickle.loads({text}); print(made, made == type(made)(1, 'a'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Quick(count=1, name='a', parts=[]) True\n"
