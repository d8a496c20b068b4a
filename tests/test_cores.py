"""How many CPUs there are for this process."""

import os

import pytest
from joblib import Parallel, delayed

from chainrule.cores import cores

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="the system does not tell"
)


@pytest.fixture(autouse=True)
def four_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3})
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(("said", "count"), [("2", 2), ("3,1", 3), ("64", 4), ("0", 1), ("", 4),
                                             ("all", 4)])  # fmt: skip
def test_as_few_cpus_are_taken_as_the_environment_says(said, count, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert cores() == count


def test_without_a_word_all_cpus_are_taken_that_the_process_may_run_on():
    assert cores() == 4


def test_workers_of_joblib_take_their_share():
    cpus = os.cpu_count() or 1
    assert set(Parallel(n_jobs=cpus)(delayed(cores)() for _ in range(cpus))) == {1}
