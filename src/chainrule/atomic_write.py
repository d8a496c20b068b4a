"""Writing a file so that, whatever happens, either the old file or the whole new one is there.

The bytes go to an exclusive temporary file beside the target, which is flushed to the disk and
then renamed over the target: a rename is atomic, so no reader and no crash sees half a file.
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from chainrule.errors import InputError

STALE_AFTER = 3600.0  # seconds; see _remove_stale_temporaries
_TEMPORARY = re.compile(r"\..*\.chainrule-(\d{1,10})-[0-9a-f]{16}\.tmp", re.DOTALL)
_PROBE = bytes(4096)  # one block: on a full disk an empty file can still be made


def write_atomically(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Replace the file at `path` by the bytes of `chunks`, one after the other.

    A symbolic link is followed, and the mode of a file that is overwritten is kept. When this
    raises, the temporary file is removed and the old file is as it was. Only a kill that no
    process can catch leaves a temporary file, which a later write to the same name removes.

    Raises:
        InputError: the path cannot be written; says why, and for a full disk how much was needed.
    """
    views = [memoryview(chunk).cast("B") for chunk in chunks]
    target = _target(path)
    with _refusals(path, target, sum(view.nbytes for view in views)):
        _remove_stale_temporaries(target)
        with _temporary_beside(target, views) as temporary:
            with contextlib.suppress(FileNotFoundError):  # a new file has the mode of the umask
                temporary.chmod(target.stat().st_mode & 0o777)
            temporary.replace(target)
        _sync_folder(target.parent)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse now a path that `write_atomically` would refuse later, after minutes of work.

    Makes and removes a temporary file of one block beside the target: permissions, read-only
    file systems and full disks are best asked by trying.

    Raises:
        InputError: as `write_atomically` does.
    """
    target = _target(path)
    with (
        _refusals(path, target, len(_PROBE)),
        _temporary_beside(target, [memoryview(_PROBE)]),
    ):
        pass


def _target(path: str | os.PathLike[str]) -> Path:
    """The file that `path` leads to, after links; refused where a file cannot be put there."""
    shown = _shown(path)
    try:
        target = Path(os.path.realpath(path))
        mode = target.stat().st_mode
    except FileNotFoundError:
        if target.parent.is_dir():
            return target
        folder = str(target.parent if Path(path).is_symlink() else Path(path).parent)
        raise InputError(
            f"cannot write {shown}: the folder {folder!r} does not exist; create it, "
            "or choose another place"
        ) from None
    except NotADirectoryError:
        raise InputError(
            f"cannot write {shown}: a part of its path is a file, not a folder; "
            "choose another place"
        ) from None
    except OSError as error:
        raise InputError(f"cannot write {shown}: {error.strerror}; choose another name") from None
    except ValueError:  # a null byte
        raise InputError(f"cannot write {shown}: this is not a possible file name") from None
    if stat.S_ISDIR(mode):
        example = str(Path(path) / "NAME")
        raise InputError(
            f"cannot write {shown}: it is a folder; add the name of a file, as in {example!r}"
        )
    if not stat.S_ISREG(mode):
        raise InputError(
            f"cannot write {shown}: it is a device or a pipe, not a file; choose another name"
        )
    if not os.access(target, os.W_OK):
        raise InputError(
            f"cannot write {shown}: the file there is write-protected; "
            "choose another name, or allow writing to it"
        )
    return target


@contextlib.contextmanager
def _temporary_beside(target: Path, views: Iterable[memoryview]) -> Iterator[Path]:
    """A new file beside `target` with these bytes, on the disk; gone afterwards unless renamed."""
    # The name is cut, so that the longest name a file may have still leaves room for ours.
    name = f".{target.name[:40]}.chainrule-{os.getpid()}-{secrets.token_hex(8)}.tmp"
    temporary = target.with_name(name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(temporary, flags, 0o666)  # less the umask, as for any new file
        try:
            for view in views:
                _write_all(descriptor, view)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _write_all(descriptor: int, view: memoryview) -> None:
    """Write every byte of `view`: one call of the system may write fewer than it was given."""
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    """Ask the disk to keep the rename too; some file systems cannot, and the file is in place."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_stale_temporaries(target: Path) -> None:
    """Remove what killed writers of `target` left beside it.

    A temporary file is stale when its writer, whose process id is in the name, is dead, and
    nothing was written to it for an hour: the age protects a writer on another machine or in
    another container that shares the folder, whose process id means nothing here.
    """
    if os.name != "posix":  # elsewhere asking whether a process lives may end it
        return
    start = f".{target.name[:40]}.chainrule-"
    with os.scandir(target.parent) as entries:
        for entry in entries:
            match = _TEMPORARY.fullmatch(entry.name)
            if match is None or not entry.name.startswith(start):
                continue
            with contextlib.suppress(OSError):
                age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                if age > STALE_AFTER and not _is_alive(int(match[1])):
                    Path(entry.path).unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # somebody else's
    return True


@contextlib.contextmanager
def _refusals(path: str | os.PathLike[str], target: Path, needed: int) -> Iterator[None]:
    """Turn what the system refuses into an InputError that says what was needed."""
    shown = _shown(path)
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"the disk is full: {_size(needed)} were needed{_free(target.parent)}"
            advice = "free some space, or choose another place"
        elif error.errno == errno.EFBIG:
            reason = f"{_size(needed)} were needed, more than a file may have here"
            advice = "choose another place, or raise the limit"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            folder = str(Path(path).parent)
            reason = f"no permission to write in the folder {folder!r} ({reason})"
            advice = "choose another place"
        else:
            advice = "choose another place"
        raise InputError(
            f"cannot write {shown}: {reason}; nothing was changed; {advice}"
        ) from error


def _shown(path: str | os.PathLike[str]) -> str:
    return repr(os.fspath(path))


def _free(folder: Path) -> str:
    try:
        return f" and {_size(shutil.disk_usage(folder).free)} are free"
    except OSError:
        return ""


def _size(n_bytes: int) -> str:
    """A number of bytes to be read by people, in decimal units: 1234567 is '1.2 MB'."""
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    size, unit = n_bytes / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if size >= 999.95:
            size, unit = size / 1000, larger
    return f"{size:.1f} {unit}"
