import errno
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chainrule import atomic_write
from chainrule.atomic_write import check_writable, write_atomically
from chainrule.errors import InputError

REAL_WRITE = os.write
OLD, NEW = b"the old file", b"the new file, which is longer"

needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(OLD)
    return path


def test_the_chunks_are_written_one_after_the_other(tmp_path):
    path = tmp_path / "model"
    write_atomically(path, [b"ab", b"", memoryview(b"cd"), memoryview(b"efgh").cast("I")])
    assert path.read_bytes() == b"abcdefgh"
    write_atomically(str(path), [])
    assert path.read_bytes() == b""
    assert names(tmp_path) == ["model"]


def test_a_relative_path_is_written_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_writable("model")
    write_atomically("model", [NEW])
    assert Path("model").read_bytes() == NEW


def test_a_new_file_has_the_mode_of_the_umask(tmp_path):
    write_atomically(tmp_path / "ours", [NEW])
    (tmp_path / "usual").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_the_mode_is_kept_when_a_file_is_overwritten(old, mode):
    old.chmod(mode)
    write_atomically(old, [NEW])
    assert stat.S_IMODE(old.stat().st_mode) == mode
    assert old.read_bytes() == NEW


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target"
    for content in (OLD, NEW):  # first the link dangles
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(Path("there") / "target")
        write_atomically(tmp_path / "link", [content])
        assert (tmp_path / "link").is_symlink()
        assert target.read_bytes() == content
    assert names(tmp_path / "there") == ["target"]


def test_the_longest_possible_name_can_be_written(tmp_path):
    path = tmp_path / ("ü" * 127)
    write_atomically(path, [NEW])
    assert path.read_bytes() == NEW


class Interrupted:
    """Stands for os.write: takes one byte a call, and raises in place of byte `limit`."""

    def __init__(self, limit, error):
        self.limit, self.error = limit, error

    def __call__(self, descriptor, view):
        if self.limit == 0:
            raise self.error
        self.limit -= 1
        return REAL_WRITE(descriptor, view[:1])


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error"),
        KeyboardInterrupt(),
        MemoryError(),
    ],
    ids=lambda error: str(error) or type(error).__name__,
)
def test_a_write_that_fails_at_any_byte_leaves_the_old_file_alone(old, monkeypatch, error):
    raised = InputError if isinstance(error, OSError) else type(error)
    for limit in range(len(NEW)):
        monkeypatch.setattr(os, "write", Interrupted(limit, error))
        with pytest.raises(raised):
            write_atomically(old, [NEW[:10], NEW[10:]])
        assert old.read_bytes() == OLD
        assert names(old.parent) == ["model"]
    monkeypatch.setattr(os, "write", Interrupted(len(NEW), error))
    write_atomically(old, [NEW[:10], NEW[10:]])
    assert old.read_bytes() == NEW


@pytest.mark.parametrize("step", ["os.open", "os.fsync", "os.close", "Path.chmod", "Path.replace"])
def test_any_step_that_fails_leaves_the_old_file_alone(old, monkeypatch, step):
    owner, name = {"os": os, "Path": Path}[step.split(".")[0]], step.split(".")[1]
    real = getattr(owner, name)

    def fails(*args):
        if name == "close":
            real(*args)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fails)
        with pytest.raises(InputError, match=r"Input/output error; nothing was changed"):
            write_atomically(old, [NEW])
    assert old.read_bytes() == OLD
    assert names(old.parent) == ["model"]


def test_the_bytes_are_on_the_disk_before_the_rename_and_the_folder_after(old, monkeypatch):
    done = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("folder" if is_folder else os.fstat(descriptor).st_size)
        real_fsync(descriptor)

    def replace(*args):
        done.append("rename")
        return real_replace(*args)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_atomically(old, [NEW])
    assert done == [len(NEW), "rename", "folder"]


def test_a_full_disk_is_said_with_what_was_needed(old, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(os, "write", Interrupted(5, full))
    with pytest.raises(InputError, match=r"disk is full: 1\.2 MB were needed and .* are free"):
        write_atomically(old, [bytes(1_234_567)])
    with pytest.raises(InputError, match=r"the disk is full"):
        check_writable(old)


def test_the_limit_of_a_file_size_is_a_refusal_too(old):
    # In a process of its own: the limit cannot be raised again by everybody.
    script = (
        "import resource, sys; from chainrule.atomic_write import *\n"
        "from chainrule.errors import InputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "check_writable(sys.argv[1])\n"
        "try: write_atomically(sys.argv[1], [bytes(6000)])\n"
        "except InputError as error: print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, old], capture_output=True, text=True, check=True
    )
    assert "6.0 kB were needed, more than a file may have here" in run.stdout
    assert old.read_bytes() == OLD
    assert names(old.parent) == ["model"]


both = pytest.mark.parametrize(
    "write", [check_writable, lambda path: write_atomically(path, [NEW])], ids=["check", "write"]
)


@both
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("out/model", r"the folder '.*/out' does not exist; create it"),
        ("out/deep/model", r"the folder '.*/out/deep' does not exist; create it"),
        ("dangling", r"the folder '.*/nowhere' does not exist; create it"),
        ("", r"it is a folder; add the name of a file, as in '.*NAME'"),
        ("folder", r"it is a folder; add the name of a file, as in '.*/folder/NAME'"),
        ("file/model", "a part of its path is a file"),
        ("loop", "symbolic links"),
        ("pipe", "a device or a pipe"),
        ("socket", "a device or a pipe"),
        ("x" * 256, "File name too long"),
        ("nu\0ll", "not a possible file name"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_with_its_reason(tmp_path, write, name, said):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere/model")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        if name == "socket":
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(tmp_path)  # the path of a socket is short
                listening.bind("socket")
        before = names(tmp_path)
        with pytest.raises(InputError, match=r"(?s)cannot write '.*" + said):
            write(f"{tmp_path}/{name}")
    assert names(tmp_path) == before


@both
@needs_permissions
def test_a_folder_or_file_without_permission_is_refused(tmp_path, write):
    (tmp_path / "protected").write_bytes(OLD)
    (tmp_path / "protected").chmod(0o444)
    with pytest.raises(InputError, match="write-protected"):
        write(tmp_path / "protected")
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(InputError, match="no permission to write in the folder"):
            write(tmp_path / "model")
    finally:
        tmp_path.chmod(0o755)


@both
@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_refused_temporary_file_is_said_as_a_missing_permission(
    tmp_path, monkeypatch, write, number
):
    def refuse(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match="no permission to write in the folder"):
        write(tmp_path / "model")


def test_the_check_changes_nothing(old):
    before = old.stat()
    check_writable(old)
    check_writable(old.parent / "another")
    after = old.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert old.read_bytes() == OLD
    assert names(old.parent) == ["model"]


def test_only_old_temporaries_of_dead_writers_of_the_same_file_are_removed(old):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    alive, number = os.getpid(), "0123456789abcdef"
    cases = {  # name: (age in seconds, is removed)
        f".model.chainrule-{dead.pid}-{number}.tmp": (4000, True),
        f".model.chainrule-{dead.pid}-1{number[1:]}.tmp": (3000, False),
        f".model.chainrule-{alive}-{number}.tmp": (4000, False),
        f".other.chainrule-{dead.pid}-{number}.tmp": (4000, False),
        f".model.chainrule-{dead.pid}-{number}.tmp.txt": (4000, False),
        f".model.chainrule-{number}.tmp": (4000, False),
        "model.tmp": (4000, False),
    }
    for name, (age, _) in cases.items():
        (old.parent / name).touch()
        os.utime(old.parent / name, (time.time() - age,) * 2)
    write_atomically(old, [NEW])
    assert names(old.parent) == sorted(
        ["model", *(name for name, (_, removed) in cases.items() if not removed)]
    )


def test_our_temporary_files_are_recognised_as_ours(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(Path, "replace", lambda source, _: seen.append(source.name))
    write_atomically(tmp_path / "a\nmodel", [NEW])
    match = atomic_write._TEMPORARY.fullmatch(seen[0])
    assert match
    assert int(match[1]) == os.getpid()


def test_writers_at_the_same_time_leave_one_whole_file(tmp_path):
    contents = [bytes([i]) * 100_000 for i in range(8)]
    threads = [
        threading.Thread(target=write_atomically, args=(tmp_path / "model", [content]))
        for content in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "model").read_bytes() in contents
    assert names(tmp_path) == ["model"]


# Without NumPy and threads, so that the writer can be forked; it is killed after a moment that
# grows from kill to kill, the first before its first write.
KILLS = """
import os, signal, sys, time
from chainrule.atomic_write import write_atomically
path, contents = sys.argv[1], [b"a" * 30_000, b"b" * 70_000]
write_atomically(path, contents[:1])
for kill in range(30):
    child = os.fork()
    if child == 0:
        while True:
            for content in contents:
                write_atomically(path, [content[:10_000], content[10_000:]])
    time.sleep(kill * 0.0011)
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    with open(path, "rb") as file:
        assert file.read() in contents
"""


def test_a_kill_at_any_moment_leaves_the_old_or_the_new_file(tmp_path):
    subprocess.run([sys.executable, "-c", KILLS, tmp_path / "model"], check=True)
    left = [name for name in names(tmp_path) if name != "model"]
    assert all(re.fullmatch(r"\.model\.chainrule-\d+-[0-9a-f]{16}\.tmp", name) for name in left)
    for name in left:
        os.utime(tmp_path / name, (0, 0))
    write_atomically(tmp_path / "model", [NEW])
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (5 * 10**9, "5.0 GB"),
        (2 * 10**15, "2000.0 TB"),
    ],
)
def test_sizes_are_said_for_people(n_bytes, text):
    assert atomic_write._size(n_bytes) == text
