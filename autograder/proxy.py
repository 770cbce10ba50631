"""Objects that live in a student's process, as the grader holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .student import StudentProcess


class Proxy:
    """An object that lives in the student's process: a function, a class, a module, an instance."""

    __slots__ = ("__name__", "_name", "_number", "_student", "_type_name")

    def __init__(self, student: StudentProcess, number: int, type_name: str, name: str) -> None:
        set_here = object.__setattr__
        set_here(self, "_student", student)
        set_here(self, "_number", number)
        set_here(self, "_type_name", type_name)
        set_here(self, "_name", name)
        set_here(self, "__name__", name or type_name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the student's process."""
        return self._student._value("call", [self, args, kwargs])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._student._value("getattr", [self, name])

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("an object in the student's process cannot be changed from here")

    def __len__(self) -> int:
        length = self._student._value("len", [self])
        if type(length) is not int or not 0 <= length < 2**31:
            raise TypeError("its length is no number")
        return length

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, key: Any) -> Any:
        return self._student._value("getitem", [self, key])

    def __contains__(self, item: Any) -> bool:
        return self._student._value("contains", [self, item]) is True

    def __iter__(self) -> Iterator[Any]:
        items = self._student._value("iter", [self])
        while True:
            found = self._student._value("next", [items])
            if type(found) is not tuple or len(found) != 1:
                return
            yield found[0]

    def _run_beside(self, module: str, function: str, args: tuple, kwargs: dict) -> Any:
        """Run a function of `utils` in the student's process, this object its first argument."""
        return self._student._value("beside", [self, module, function, tuple(args), dict(kwargs)])

    def __repr__(self) -> str:
        return f"<the student's {self._type_name} {self._name}>".replace(" >", ">")

    def __del__(self) -> None:
        with suppress(AttributeError):
            self._student._released.append(self._number)
