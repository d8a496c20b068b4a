"""Kernels are compiled once, whatever becomes of the files in which they are kept."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.activations import RELU
from chainrule.engines import compiled
from chainrule.engines.compiled import kernel_files, kernels
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import multilayer_perceptron
from chainrule.optimizers import Adam

PACKAGE = Path(compiled.__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder that is the only one for kernels."""
    monkeypatch.setattr(kernel_files, "folders", lambda: [tmp_path])
    return tmp_path


def twice(name="test-twice"):
    """Twice 21, by a kernel that is looked for as in a new process; and whether it was compiled."""

    def run(x):
        return x + x

    kernels._addresses.pop(name, None)
    before = len(kernels.COMPILED)
    address = kernels.kernel(run, name, ("float64",), "float64")
    found = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address)(21.0)
    return found, kernels.COMPILED[before:] == [name]


def test_a_kernel_is_compiled_once_and_loaded_ever_after(folder):
    assert twice() == (42.0, True)
    assert twice() == (42.0, False)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "longer", "garbage", "another"])
def test_a_damaged_file_is_compiled_anew(folder, damage):
    twice()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "empty": b"",
            "cut": whole[:middle],
            "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "longer": whole + b"\0",
            "garbage": bytes(range(256)) * 20,
            "another": whole,
        }[damage]
    )
    if damage == "another":  # a whole file, under the name of another kernel
        path.rename(path.with_name(path.name.replace("test-twice", "test-other")))
        assert twice("test-other") == (42.0, True)
    assert twice() == (42.0, True)
    assert twice() == (42.0, False)


def test_a_folder_in_the_place_of_a_file_is_no_obstacle(folder):
    twice()
    (path,) = folder.iterdir()
    path.unlink()
    path.mkdir()
    assert twice() == (42.0, True)


def test_kernels_of_other_sources_or_another_cpu_are_stale(folder, monkeypatch):
    twice()
    monkeypatch.setattr(kernel_files, "stamp", lambda: b"another")
    assert twice() == (42.0, True)


def test_where_nothing_can_be_written_kernels_are_compiled_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for folders in ([], [tmp_path / "file" / "below"]):
        monkeypatch.setattr(kernel_files, "folders", lambda folders=folders: folders)
        assert twice() == (42.0, True)


def test_the_first_compilation_on_a_machine_is_announced_once(folder, monkeypatch, caplog):
    monkeypatch.setattr(kernels, "COMPILED", [])
    assert twice("test-first") == (42.0, True)
    assert twice("test-second") == (42.0, True)
    assert [record.message for record in caplog.records] == [
        "note: compiling the engine for this machine, once: five or six seconds"
    ]


def test_what_is_loaded_or_compiled_beside_a_ready_engine_is_not_announced(
    folder, monkeypatch, caplog
):
    twice("test-first")
    caplog.clear()
    monkeypatch.setattr(kernels, "COMPILED", [])
    assert twice("test-first") == (42.0, False)
    kernel_files.keep(kernels.LONGEST, kernel_files.ObjectCode("any", b""))
    assert twice("test-second") == (42.0, True)
    assert not caplog.records


def test_a_kernel_that_needs_numba_at_run_time_is_refused(folder):
    def run(n):
        return np.zeros(n).sum()

    with pytest.raises(RuntimeError, match="cannot run without Numba's"):
        kernels.kernel(run, "test-allocates", ("int64",), "float64")


def test_the_cache_folder_of_a_user_is_where_the_system_has_it(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kernel_files.user_cache_folder() == tmp_path
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert kernel_files.user_cache_folder() == Path.home() / ".cache"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert kernel_files.user_cache_folder() == Path.home() / "Library" / "Caches"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert kernel_files.user_cache_folder() == tmp_path / "local"


def test_without_a_home_there_is_only_the_folder_beside_the_package(monkeypatch):
    def homeless():
        raise RuntimeError

    monkeypatch.setattr(kernel_files, "user_cache_folder", homeless)
    assert kernel_files.folders() == [Path(kernel_files.__file__).parent / "__pycache__"]


# In processes of their own


def run(script, source=PACKAGE.parent, **environment):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={
            **os.environ, "PYTHONPATH": str(source), "OPENBLAS_NUM_THREADS": "1", **environment
        },
        timeout=60,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()  # fmt: skip


WEIGHED = """
import ctypes
import numpy as np
from chainrule.engines.compiled import rows
from chainrule.engines.compiled.kernels import COMPILED
weigh = ctypes.CFUNCTYPE(ctypes.c_double, *(ctypes.c_int64,) * 3)(rows.weigh(np.float32))
weight, numbers = np.array([1, 2, 4], np.float32), np.array([0, 2])
print(*COMPILED, weigh(weight.ctypes.data, numbers.ctypes.data, 2))
"""


@pytest.mark.parametrize("level", ["WARNING", "ERROR"])
def test_the_announcement_is_a_line_on_stderr_and_can_be_turned_off(tmp_path, level):
    script = f"""
import logging
from pathlib import Path
from chainrule.engines.compiled import kernel_files
kernel_files.folders = lambda: [Path({str(tmp_path)!r})]
logging.getLogger("chainrule").setLevel("{level}")
"""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", script + WEIGHED],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    said = "note: compiling the engine for this machine, once: five or six seconds\n"
    assert found.stderr == (said if level == "WARNING" else "")
    assert found.stdout == "weigh-float32 5.0\n"


BOUND_BY_PERMISSIONS = """
import ctypes, sys
if sys.platform == "linux":  # root is bound by permissions only without its capabilities
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset(header, nothing) == 0
"""


@pytest.fixture
def read_only(tmp_path):
    """The folder above a copy of the package in which nothing can be written."""
    copy = tmp_path / "site" / "chainrule"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    folders = [copy, *(path for path in copy.rglob("*") if path.is_dir())]
    for each in folders:
        each.chmod(0o555)
    yield copy.parent
    for each in folders:
        each.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_read_only_install_keeps_its_kernels_in_the_users_cache_folder(read_only, tmp_path):
    refused = """
from pathlib import Path
import chainrule
try:
    Path(chainrule.__file__).with_name("new").touch()
except PermissionError:
    print("refused")
"""
    cache = str(tmp_path / "cache")
    given = {"source": read_only, "XDG_CACHE_HOME": cache, "HOME": cache}
    assert run(BOUND_BY_PERMISSIONS + refused, **given) == ["refused"]
    assert run(BOUND_BY_PERMISSIONS + WEIGHED, **given) == ["weigh-float32", "5.0"]
    assert run(BOUND_BY_PERMISSIONS + WEIGHED, **given) == ["5.0"]
    assert list(Path(cache).rglob("weigh-float32*.kernel"))
    assert not list(read_only.rglob("*.kernel"))


def test_processes_that_write_at_once_leave_whole_files(tmp_path):
    script = f"""
import sys
from pathlib import Path
from chainrule.engines.compiled import kernel_files
from chainrule.engines.compiled.kernel_files import ObjectCode, keep, read
kernel_files.folders = lambda: [Path({str(tmp_path)!r})]
for i in range(40):
    keep("shared", ObjectCode("f", bytes([i]) * 100_000))
    found = read("shared")
    assert found is not None and len(found.code) == 100_000 and len(set(found.code)) == 1
print("whole")
"""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    words = [sys.executable, "-W", "ignore", "-c", script]
    both = [
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=60)[0] for process in both] == ["whole\n"] * 2
    assert len(list(tmp_path.iterdir())) == 1


def test_a_training_whose_kernels_are_compiled_imports_neither_numba_nor_scipy():
    network = multilayer_perceptron(3, [4], 3, activation=RELU, loss=SoftmaxCrossEntropy())
    compiled.warm_up(network, Adam())
    script = """
import sys
import numpy as np
from chainrule.activations import RELU
from chainrule.engines import Rows
from chainrule.engines.choice import choose_engine
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import multilayer_perceptron
from chainrule.training import TrainingSettings, train
network = multilayer_perceptron(3, [4], 3, activation=RELU, loss=SoftmaxCrossEntropy())
settings = TrainingSettings(epochs=2)
engine = choose_engine("compiled", network, settings.optimizer, settings.dtype).engine
rows = Rows(np.eye(3, dtype=np.float32), np.arange(3))
list(train(network, rows, settings, validation=rows, engine=engine))
print(*sorted({"numba", "scipy", "sklearn", "polars"} & set(sys.modules)))
"""
    assert run(script) == []
