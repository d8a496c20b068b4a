"""What only a process of its own can show: signals, pipes and terminals."""

import os
import pty
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.model import Model
from cli.flowers import write_flowers

CHAINRULE = (sys.executable, "-m", "chainrule")
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": ENVIRONMENT}


def test_ctrl_c_ends_a_training_with_its_best_model(tmp_path):
    write_flowers(tmp_path / "flowers.csv")
    words = ("train", "flowers.csv", "--target", "species", "--epochs", "1000000")
    with subprocess.Popen(
        [*CHAINRULE, *words, "--patience", "0"], cwd=tmp_path, **PIPES
    ) as process:
        said = process.stderr.readline()
        if said.startswith("note: compiling"):  # for the first time on this machine
            said = process.stderr.readline()
        assert "epoch 1 of 1000000" in said
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopped: with 0 of 8 networks trained" in complained
    assert "Traceback" not in complained
    assert "accuracy" in said
    assert Model.load(tmp_path / "flowers.safetensors").history


def test_a_reader_that_leaves_early_hears_nothing(tmp_path, trained):
    header, *rows = (trained / "flowers.csv").read_text().splitlines()
    (tmp_path / "many.csv").write_text("\n".join([header, *rows * 200]) + "\n")
    words = ("predict", trained / "flowers.safetensors", tmp_path / "many.csv")
    with subprocess.Popen([*CHAINRULE, *words], **PIPES) as process:
        assert process.stdout.readline().startswith("length")
        process.stdout.close()
        complained = process.stderr.read()
    assert complained == ""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_full_disk_behind_stdout_is_told(trained, command):
    words = (command, trained / "flowers.safetensors", trained / "flowers.csv")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*CHAINRULE, *words], check=False, **{**PIPES, "stdout": full})
    assert done.returncode == 2
    assert (
        done.stderr.splitlines()[-1] == "error: cannot write the output: No space left on device."
    )
    assert "Traceback" not in done.stderr


def test_a_terminal_without_unicode_gets_ascii(trained):
    words = ("show", trained / "flowers.safetensors")
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*CHAINRULE, *words], check=True, **{**PIPES, "env": environment})
    assert done.stdout.isascii()
    assert "*" in done.stdout
    assert "?" not in done.stdout


def test_a_terminal_gets_a_progress_that_disappears(tmp_path):
    write_flowers(tmp_path / "flowers.csv")
    words = ("train", "flowers.csv", "--target", "species", "--epochs", "30")
    mine, its = pty.openpty()
    environment = {**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "80"}
    streams = {"stdin": its, "stdout": its, "stderr": its, "env": environment}
    with subprocess.Popen([*CHAINRULE, *words], cwd=tmp_path, **streams) as process:
        os.close(its)
        said = b""
        while chunk := read(mine):
            said += chunk
    os.close(mine)
    assert process.returncode == 0
    assert b"beginning" in said
    assert b"\x1b[2K" in said  # a line is erased
    assert said.rstrip().endswith(b"chainrule show flowers.safetensors")


def read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""


def test_the_next_command_works_as_it_is_printed(tmp_path):
    write_flowers(tmp_path / "flowers.csv")
    words = ["train", "flowers.csv", "--target", "species", "--epochs", "2", "--quiet"]
    report = subprocess.run([*CHAINRULE, *words], cwd=tmp_path, check=True, **PIPES).stdout
    following = report[report.index("Next") :].splitlines()[1:]
    assert len(following) == 2
    for command in following:
        subprocess.run(shlex.split(command), cwd=tmp_path, check=True, **PIPES)
    assert (tmp_path / "predictions.csv").exists()
