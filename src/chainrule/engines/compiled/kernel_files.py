"""Kernels on disk: compiled once, and read in a fraction of a millisecond ever after.

It is kept beside the package or, where that cannot be written, in the user's cache folder. A file
counts only if it is whole and carries the stamp of this package, this Numba and this CPU: kernels
inline functions of other files, so a change in any file of the package makes all of them stale.
"""

import hashlib
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import llvmlite
from llvmlite import binding

from chainrule.atomic_write import write_atomically
from chainrule.errors import InputError

DIGEST_BYTES = 32


@dataclass(frozen=True)
class ObjectCode:
    """A kernel as machine code.

    Attributes:
        symbol: the name of its function in the code.
        code: an object file, as the system's linker would read it.
    """

    symbol: str
    code: bytes


def read(name: str) -> ObjectCode | None:
    """The kernel of that name, if a folder has one that is whole and not stale."""
    for folder in folders():
        with suppress(OSError):
            data = (folder / _file(name)).read_bytes()
            digest, content = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
            if digest == _digest(name, content):
                symbol, _, code = content.partition(b"\0")
                return ObjectCode(symbol.decode(), code)
    return None


def keep(name: str, found: ObjectCode) -> None:
    """Write a kernel to the first folder that can be written, if there is one.

    Several processes may do so at once: whatever is read is one of theirs, and whole.
    """
    content = found.symbol.encode() + b"\0" + found.code
    for folder in folders():
        with suppress(OSError, InputError):
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / _file(name), [_digest(name, content), content])
            return


def folders() -> list[Path]:
    """Where kernels may be: beside the package, and in the user's cache folder."""
    package = Path(__file__).parent
    found = [package / "__pycache__"]
    with suppress(RuntimeError):  # nobody's home is known
        install = hashlib.sha256(os.fsencode(package)).hexdigest()[:16]
        found.append(user_cache_folder() / "chainrule" / install)
    return found


def user_cache_folder() -> Path:
    """The folder for what programs can make again, by the habit of the system.

    Raises:
        RuntimeError: the user has no home.
    """
    if sys.platform == "win32":
        given = os.environ.get("LOCALAPPDATA")
        return Path(given) if given else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # the XDG Base Directory Specification: a path that is not absolute is to be ignored
    return given if given.is_absolute() else Path.home() / ".cache"


@cache
def stamp() -> bytes:
    """A hash over all that object code depends on."""
    digest = hashlib.sha256()
    features = binding.get_host_cpu_features().flatten()
    for word in (version("numba"), llvmlite.__version__, binding.get_process_triple(), features):
        digest.update(word.encode() + b"\0")
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.digest()


def _file(name: str) -> str:
    """The name says the CPU, so that machines that share a folder do not overwrite one another."""
    return f"{name}.{binding.get_host_cpu_name()}.kernel"


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(stamp() + name.encode() + b"\0" + content).digest()
