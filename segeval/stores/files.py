"""The files of a store: listed, and read with many requests in flight, each tried again where that can help."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeVar

from segeval.errors import MaskError, OutputError, SegevalError, UsageError, printable
from segeval.stores.urls import StoreUrl

READERS = 32
"""Reads in flight of a process: at 50 ms a request they can bring 640 files a second."""
TRIES = 6
FIRST_PAUSE = 0.1
"""Seconds before the second try; each further pause is twice as long, and up to half of it by chance."""
LARGEST_FILE = 1 << 31
DRIVERS = {
    "s3": ("s3fs", ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    "gs": ("gcsfs", ("GOOGLE_APPLICATION_CREDENTIALS",)),
    "az": ("adlfs", ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY")),
    "hf": ("huggingface_hub", ("HF_TOKEN",)),
}
"""What reads each store, and the variables that say who reads."""
OPTIONS: dict[str, dict[str, Any]] = {"s3": {"max_concurrency": 1}}
"""One request a file: s3fs would ask for its size first, to read it in parts."""
REFUSED = (403, 404)
"""Answers that no further try changes."""

Result = TypeVar("Result")


@lru_cache(maxsize=16)
def _file_system(scheme: str) -> Any:
    driver = DRIVERS[scheme][0]
    try:
        fsspec = import_module("fsspec")
        import_module(driver)
    except ImportError:
        raise UsageError(
            f"{scheme}:// needs {driver}",
            (),
            f"Install it: pip install 'segeval-masks[{scheme}]', or segeval-masks[remote] for all stores",
        ) from None
    return fsspec.filesystem(scheme, **OPTIONS.get(scheme, {}))


def _called(url: StoreUrl, method: str, *arguments: Any, **options: Any) -> Any:
    """Call a method of the store's file system, within the time-out where it can be kept."""
    files = _file_system(url.scheme)
    if getattr(files, "async_impl", False):
        sync = import_module("fsspec.asyn").sync
        return sync(files.loop, getattr(files, f"_{method}"), *arguments, timeout=url.timeout, **options)
    return getattr(files, method)(*arguments, **options)


def _tried(act: Callable[[], Result]) -> Result:
    """Do something up to `TRIES` times; what is forbidden or not there is asked for once."""
    pause = FIRST_PAUSE
    for left in reversed(range(TRIES)):
        try:
            return act()
        except SegevalError:
            raise
        except Exception as error:
            if not left or _is_final(error):
                raise
        time.sleep(pause * (1 + random.random() / 2))
        pause *= 2
    raise AssertionError("the last try returns or raises")


def _is_final(error: BaseException) -> bool:
    if isinstance(error, PermissionError | FileNotFoundError | NotADirectoryError | ImportError | TypeError):
        return True
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError"):
        return True
    return getattr(error, "status", getattr(error, "code", None)) in REFUSED


def list_files(root: StoreUrl) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the files below a folder of a store, relative to it, and (name, reason) of those that are refused.

    Both ascend. Raises `SegevalError` where the folder cannot be listed; one that is not there holds no file.
    """
    try:
        found = _tried(lambda: _called(root, "find", root.path, detail=True))
    except SegevalError:
        raise
    except FileNotFoundError:
        return (), ()
    except Exception as error:
        raise _unreadable("a folder of a store cannot be listed", root, error) from error
    files: list[str] = []
    refused: list[tuple[str, str]] = []
    for key, facts in found.items():
        name = key.removeprefix(f"{root.path}/")
        if name == key or name.endswith("/") or facts.get("type") == "directory":
            continue
        parts = name.split("/")
        if any(part in ("", ".", "..") for part in parts) or any(ord(letter) < 32 for letter in name):
            refused.append((name, "a name that no folder can hold"))
        elif (facts.get("size") or 0) > LARGEST_FILE:
            refused.append((name, f"more than {LARGEST_FILE:,} bytes"))
        elif not any(part.startswith(".") for part in parts):
            files.append(name)
    return tuple(sorted(files)), tuple(sorted(refused))


def _unreadable(what: str, root: StoreUrl, error: Exception) -> SegevalError:
    """Return the error of a store, with what is missing; what the store itself says may hold a secret."""
    variables = DRIVERS[root.scheme][1]
    missing = [name for name in variables if name not in os.environ]
    denied = isinstance(error, PermissionError) or "Credentials" in type(error).__name__
    if denied and missing:
        fix = f"Set {' and '.join(missing)}"
    elif denied:
        fix = f"{' and '.join(variables)} are set; check that they may list and read this folder"
    else:
        fix = "Check the URL and the network; --read-timeout SECONDS waits longer for each answer"
    return SegevalError(what, (f"{root}: {type(error).__name__}",), fix, kind="unreadable")


_AHEAD: dict[tuple[StoreUrl, str], Future[bytes]] = {}


@lru_cache(maxsize=1)
def _readers(process: int) -> ThreadPoolExecutor:
    """Return this process's pool of reading threads, apart from those that count."""
    return ThreadPoolExecutor(READERS, thread_name_prefix=f"segeval-reader-{process}")


def read_ahead(files: Iterable[tuple[StoreUrl, str]]) -> None:
    """Begin to read files, each of which `read_file` is then asked for once."""
    readers = _readers(os.getpid())
    for root, file in files:
        _AHEAD[root, file] = readers.submit(_read, root, file)


def read_file(root: StoreUrl, file: str, *, name: str) -> bytes:
    """Return the bytes of a file below a folder of a store; raises `MaskError` of `name`."""
    begun = _AHEAD.pop((root, file), None)
    try:
        data = begun.result() if begun is not None else _read(root, file)
    except FileNotFoundError as error:
        fix = "Run again when nothing writes to the folder"
        raise MaskError("a file that was listed is not there", (name,), fix) from error
    except SegevalError:
        raise
    except Exception as error:
        told = _unreadable("files of a store cannot be read", root, error)
        raise MaskError(told.what, (f"{name}: {type(error).__name__}",), told.fix) from error
    if not data:
        raise MaskError("a file is empty", (printable(name),), "Write the mask again")
    return data


def is_file(url: StoreUrl) -> bool:
    """Tell whether a store has a file; raises `SegevalError` where it does not answer."""
    try:
        return bool(_tried(lambda: _called(url, "exists", url.path)))
    except SegevalError:
        raise
    except Exception as error:
        raise _unreadable("a store does not answer", url, error) from error


def write_file(url: StoreUrl, data: bytes) -> None:
    """Write a file of a store, whole or not at all; raises `OutputError`."""
    try:
        _tried(lambda: _called(url, "pipe_file", url.path, data))
    except SegevalError:
        raise
    except Exception as error:
        told = _unreadable("a file of a store cannot be written", url, error)
        raise OutputError(told.what, told.where, f"{told.fix}; --resume then goes on from what is kept") from error


def _read(root: StoreUrl, file: str) -> bytes:
    data: bytes = _tried(lambda: _called(root, "cat_file", f"{root.path}/{file}"))
    return data
