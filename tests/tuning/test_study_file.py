"""A study file keeps every trial that has ended, and nothing else is taken for one."""

import json

import pytest

from chainrule.errors import InputError
from chainrule.tuning.trials import DIVERGED, FINISHED, PRUNED, StudyFile, Trial

ABOUT = {"table": "abc", "target": "price"}
TRIALS = [
    Trial(0, {"hidden": "64", "rate": 0.001}, FINISHED, 0.25, (0.5, 0.25), 1.5),
    Trial(1, {"hidden": "128", "rate": 0.1}, PRUNED, 0.75, (0.75,), 0.5),
    Trial(2, {"hidden": "64", "rate": 1.0}, DIVERGED, None, (), 0.1),
]


@pytest.fixture
def path(tmp_path):
    study = StudyFile(tmp_path / "a.study", ABOUT)
    for trial in TRIALS:
        study.add(trial)
    return study.path


def test_what_was_added_is_read_back(path):
    assert StudyFile(path, ABOUT).trials == TRIALS


def test_wherever_the_file_is_cut_off_the_trials_before_are_kept_and_it_goes_on(path):
    content = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    for cut in {*range(30, len(content), 11), *ends, *(end - 1 for end in ends)}:
        path.write_bytes(content[:cut])
        study = StudyFile(path, ABOUT)
        whole = sum(end <= cut for end in ends)
        assert study.trials == TRIALS[: max(0, whole - 1)]
        study.add(TRIALS[0])
        assert StudyFile(path, ABOUT).trials == [*TRIALS[: max(0, whole - 1)], TRIALS[0]]


def test_a_study_of_something_else_is_refused_and_says_of_what(path):
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"another target.*another file with --study"):
        StudyFile(path, {**ABOUT, "target": "size"})
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        b"a,b",
        b"a,b\n1,2",
        b"\x93NUMPY\x00\x01\n\xff\n",
        b"{}\n",
        b"[1]\n",
        json.dumps({"format": "chainrule study 1", **ABOUT}).encode() + b'\n{"number": 0}\n',
        json.dumps({"format": "chainrule study 1", **ABOUT}).encode()
        + b'\n{"number": 0, "values": {}, "ended": "finished", "loss": NaN, "curve": [], '
        b'"seconds": 1}\n',
    ],
)
def test_a_file_that_is_no_study_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no study of chainrule tune"):
        StudyFile(path, ABOUT)
    assert path.read_bytes() == content


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot use"):
        StudyFile(tmp_path, ABOUT)
