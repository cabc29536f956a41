"""The files of a store: listed, and read with many requests in flight, each tried again where that can help."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, TypeVar

from segeval.errors import MaskError, OutputError, PairingError, SegevalError, UsageError, printable
from segeval.stores.archives import Archive
from segeval.stores.urls import LISTED, WEB, StoreUrl, is_far

READERS = 64
"""Reads in flight of a process: at 50 ms a request they can bring 1,280 files a second; the processor, some 800."""
LISTING = 86_400.0
"""Seconds that all pages of a listing may take together: a thousand files a page, ten million files in half an hour."""
TRIES = 6
FIRST_PAUSE = 0.1
"""Seconds before the second try; each further pause is twice as long, and up to half of it by chance."""
DRIVERS = {
    "s3": ("s3fs", ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    "gs": ("gcsfs", ("GOOGLE_APPLICATION_CREDENTIALS",)),
    "az": ("adlfs", ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY")),
    "hf": ("huggingface_hub", ("HF_TOKEN",)),
    WEB: ("aiohttp", ()),
}
"""What reads each store, and the variables that say who reads."""
OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"max_concurrency": 1, "config_kwargs": {"max_pool_connections": READERS}},
}
"""One request a file, since s3fs would ask for its size first, to read it in parts; and as many connections as readers,
of which botocore would have 10."""
REFUSED = (403, 404)
"""Answers that no further try changes."""
FINAL = frozenset({"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "NoPartsError"})
"""What drivers call the like, by name, since a driver is imported for its store alone."""

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


def _method(url: StoreUrl, name: str) -> Callable[..., Any]:
    """Return a method of the store's file system, which keeps to the time-out where it can.

    A listing has as many answers as pages: of those each is waited for by the driver, for a minute as a rule.
    """
    files = _file_system(url.scheme)
    if getattr(files, "async_impl", False):
        return _waiting(replace(url, timeout=LISTING) if name == "find" else url, getattr(files, f"_{name}"))
    method: Callable[..., Any] = getattr(files, name)
    return method


def _waiting(url: StoreUrl, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a coroutine function as one that waits for its answer, at most for the time-out."""
    return partial(import_module("fsspec.asyn").sync, _file_system(url.scheme).loop, function, timeout=url.timeout)


def _fetched(url: StoreUrl, most: int | None = None) -> bytes:
    """Return the content of a file; of a file of the web at most so many bytes, or as many as it may have."""
    if url.scheme != WEB:
        data: bytes = _method(url, "cat_file")(url.path)
        return data
    from segeval.stores.web import whole

    found: bytes = _waiting(url, whole)(_file_system(WEB), url.address, most or url.largest)
    return found


def _part(url: StoreUrl, start: int, stop: int) -> bytes:
    if url.scheme != WEB:
        data: bytes = _method(url, "cat_file")(url.path, start=start, end=stop)
        return data
    from segeval.stores.web import part

    found: bytes = _waiting(url, part)(_file_system(WEB), url.address, start, stop)
    return found


def _size(url: StoreUrl) -> int:
    if url.scheme != WEB:
        return int(_method(url, "info")(url.path)["size"])
    from segeval.stores.web import size

    return int(_waiting(url, size)(_file_system(WEB), url.address))


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
    if type(error).__name__ in FINAL:
        return True
    return getattr(error, "status", getattr(error, "code", None)) in REFUSED


def list_files(root: StoreUrl) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the files below a folder of a store, relative to it, and (name, reason) of those that are refused.

    Both ascend. Raises `SegevalError` where the folder cannot be listed; one that is not there holds no file.
    """
    try:
        found = _tried(lambda: _method(root, "find")(root.path, detail=True))
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
        elif (facts.get("size") or 0) > root.largest:
            refused.append((name, _too_large(facts["size"], root)))
        elif not any(part.startswith(".") for part in parts):
            files.append(name)
    return tuple(sorted(files)), tuple(sorted(refused))


def _too_large(size: int, root: StoreUrl) -> str:
    return f"{size:,} bytes, and --max-pixels allows {root.largest:,}"


def _unreadable(what: str, root: StoreUrl, error: Exception) -> SegevalError:
    """Return the error of a store, with what is missing; what the store itself says may hold a secret."""
    variables = DRIVERS[root.scheme][1]
    missing = [name for name in variables if name not in os.environ]
    denied = isinstance(error, PermissionError) or "Credentials" in type(error).__name__
    if denied and missing:
        fix = f"Set {' and '.join(missing)}"
    elif denied and variables:
        fix = f"{' and '.join(variables)} are set; check that they may list and read this folder"
    elif denied:
        fix = "Only what everybody may read is read by https://; download the file"
    elif type(error).__name__ == "NoPartsError":
        return SegevalError(what, (f"{root}: {error}",), "Download the file, and name it here", kind="unreadable")
    else:
        fix = "Check the URL and the network; --read-timeout SECONDS waits longer for each answer"
    return SegevalError(what, (f"{root}: {type(error).__name__}",), fix, kind="unreadable")


_AHEAD: dict[tuple[StoreUrl | Archive, str], Future[bytes]] = {}


@lru_cache(maxsize=1)
def _readers(process: int) -> ThreadPoolExecutor:
    """Return this process's pool of reading threads, apart from those that count."""
    return ThreadPoolExecutor(READERS, thread_name_prefix=f"segeval-reader-{process}")


def read_ahead(files: Iterable[tuple[StoreUrl | Archive, str, str]], *, most: int) -> None:
    """Begin to read files, as (root, file, name), each of which `read_file` is then asked for once."""
    readers = _readers(os.getpid())
    for root, file, name in files:
        _AHEAD[root, file] = readers.submit(_content, root, file, name, most)


def read_file(root: StoreUrl | Archive, file: str, *, name: str, most: int) -> bytes:
    """Return a file of a store or an archive, of at most `most` bytes; raises `MaskError` of `name`."""
    begun = _AHEAD.pop((root, file), None) if is_far(root) else None
    if begun is not None:
        return begun.result()
    return _content(root, file, name, most)


def _content(root: StoreUrl | Archive, file: str, name: str, most: int) -> bytes:
    if not isinstance(root, StoreUrl):
        return root.read(file, name=name, most=most)
    try:
        data = _tried(lambda: _fetched(root / file))
    except FileNotFoundError as error:
        fix = "Run again when nothing writes to the folder"
        raise MaskError("a file that was listed is not there", (name,), fix) from error
    except SegevalError:
        raise
    except Exception as error:
        told = _unreadable("files of a store cannot be read", root, error)
        raise MaskError(told.what, (f"{name}: {type(error).__name__}",), told.fix) from error
    if len(data) > min(most, root.largest):
        fix = "Remove it from the folder, or raise --max-pixels if the size is meant"
        raise MaskError("a file is larger than any mask", (f"{name}: {_too_large(len(data), root)}",), fix)
    if not data:
        raise MaskError("a file is empty", (printable(name),), "Write the mask again")
    return data


def read_url(url: StoreUrl, *, most: int) -> bytes:
    """Return one file of a store, of at most `most` bytes; raises `SegevalError` of kind "unreadable"."""
    try:
        if url.scheme != WEB and (size := _tried(lambda: _size(url))) > most:
            fix = "Check the URL"
            raise SegevalError("a file is too large", (f"{url}: {size:,} bytes",), fix, kind="unreadable")
        return _tried(lambda: _fetched(url, most))
    except SegevalError:
        raise
    except FileNotFoundError as error:
        raise SegevalError("a file is not there", (str(url),), "Check the URL", kind="unreadable") from error
    except Exception as error:
        raise _unreadable("a file of a store cannot be read", url, error) from error


def archive_size(url: StoreUrl) -> int:
    """Return the bytes of an archive; raises `SegevalError`, as `PairingError` where it is not there."""
    try:
        return _tried(lambda: _size(url))
    except SegevalError:
        raise
    except FileNotFoundError as error:
        raise PairingError("an archive cannot be found", (str(url),), "Check the URL") from error
    except Exception as error:
        raise _unreadable("an archive cannot be read", url, error) from error


def read_part(url: StoreUrl, start: int, stop: int) -> bytes:
    """Return the bytes of an archive from `start` up to `stop`; raises `SegevalError`."""
    try:
        return _tried(lambda: _part(url, start, stop))
    except SegevalError:
        raise
    except Exception as error:
        raise _unreadable("an archive cannot be read", url, error) from error


def check_writable(url: StoreUrl) -> None:
    """Raise `SegevalError` where a file of a store cannot be written for a reason that is known before the work."""
    if url.scheme not in LISTED or url.packed:
        stores = ", ".join(f"{one}://" for one in LISTED)
        raise OutputError("nothing is written behind such a URL", (str(url),), f"Name a file of {stores}, or a path")
    is_there(url)


def is_there(url: StoreUrl) -> bool:
    """Tell whether a store has a file; raises `SegevalError` where it does not answer."""
    try:
        return bool(_tried(lambda: _method(url, "exists")(url.address)))
    except SegevalError:
        raise
    except Exception as error:
        raise _unreadable("a store does not answer", url, error) from error


def write_file(url: StoreUrl, data: bytes) -> None:
    """Write a file of a store, whole or not at all; raises `OutputError`."""
    try:
        _tried(lambda: _method(url, "pipe_file")(url.path, data))
    except SegevalError:
        raise
    except Exception as error:
        told = _unreadable("a file of a store cannot be written", url, error)
        raise OutputError(told.what, told.where, told.fix) from error
