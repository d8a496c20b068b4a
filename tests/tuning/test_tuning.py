"""A tuning begins at the defaults, looks at no row that is apart, and ends with a model."""

from dataclasses import replace
from itertools import count

import numpy as np
import polars as pl
import pytest

from chainrule.errors import InputError
from chainrule.options import Options
from chainrule.table import frame_of
from chainrule.tuning.search import FEWEST_TO_PRUNE_BY, Search
from chainrule.tuning.space import options_with
from chainrule.tuning.trials import FINISHED, PRUNED, StudyFile, Trial
from chainrule.tuning.tuning import Tuning, Wanted

QUICK = Options(hidden=(4,), activation=("relu",), bins=0, epochs=8, members=2, batch_size=32)


def table(n=200):
    draws = np.random.default_rng(0)
    a, b = draws.standard_normal((2, n))
    kind = np.where(a + b + draws.standard_normal(n) / 2 > 0, "x", "y")
    return frame_of(pl.DataFrame({"a": a, "b": b, "kind": kind}))


def wanted(**more):
    return Wanted("kind", QUICK, engine="reference", **{"trials": 6, **more})


@pytest.fixture(autouse=True)
def one_trial_at_a_time(monkeypatch):
    """So that what Optuna draws does not depend on which trial ends first."""
    monkeypatch.setattr("chainrule.tuning.tuning.cores", lambda: 1)


@pytest.fixture(scope="module")
def tuned():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chainrule.tuning.tuning.cores", lambda: 1)
        tuning = Tuning(wanted(), table())
        steps = list(tuning.steps())
    return tuning, steps


def test_the_first_trial_is_the_default_network(tuned):
    tuning, steps = tuned
    assert steps[0].number == 0
    assert steps[0].values == tuning.defaults
    alone = Tuning(wanted(), table())
    experiment, engine = alone._of_trial(alone.defaults)
    assert experiment.options == replace(tuning.experiment.options, members=1)
    assert min(e.validation_loss for e in experiment.train(engine)) == steps[0].loss


def test_as_many_trials_run_as_are_wanted_and_the_best_is_the_lowest_loss(tuned):
    tuning, steps = tuned
    trials = [step for step in steps if isinstance(step, Trial)]
    assert [trial.number for trial in trials] == list(range(6))
    finished = [trial for trial in trials if trial.ended == FINISHED]
    assert tuning.search.best.loss == min(trial.loss for trial in finished)


def test_the_model_has_the_options_of_the_best_finalist_and_learnt_from_all_rows(tuned):
    tuning, _ = tuned
    best = min(tuning.found.finalists, key=lambda one: one.loss)
    assert tuning.found.values == best.values
    assert tuning.found.on_all_rows
    trained_with = tuning.found.model.training
    assert trained_with["options"] == options_with(tuning.experiment.options, best.values).to_dict()
    assert trained_with["training_rows"] + trained_with["validation_rows"] == len(table())


def test_the_defaults_are_a_finalist(tuned):
    tuning, _ = tuned
    assert tuning.found.finalists[0].values == tuning.defaults
    assert len(tuning.found.finalists[0].model.members) == 2


def test_the_same_tuning_twice_is_the_same(tuned):
    tuning, _ = tuned
    again = Tuning(wanted(), table())
    list(again.steps())
    assert [t.loss for t in again.search.known] == [t.loss for t in tuning.search.known]
    for a, b in zip(again.found.model.members, tuning.found.model.members, strict=True):
        np.testing.assert_array_equal(a.parameters.theta, b.parameters.theta)


def test_no_choice_depends_on_the_rows_that_are_apart(tuned):
    """Their targets turned round: every trial and every finalist stays as it was."""
    tuning, _ = tuned
    frame = table().to_native()
    turned = Tuning(wanted(), table())
    apart = set(turned.parts.apart.to_native().rows())
    assert 30 <= len(apart) <= 50
    for part in ("apart", "learnt"):
        rows = set(getattr(turned.parts, part).to_native().rows())
        assert (rows & apart == apart) == (part == "apart")
        assert len(rows) + len(apart) == len(frame) or part == "apart"
    other = {"x": "y", "y": "x"}
    flipped = pl.DataFrame(
        [(a, b, other[k] if (a, b, k) in apart else k) for a, b, k in frame.rows()],
        schema=frame.schema,
        orient="row",
    )
    # a stratified draw by another target is another one: the same rows have to be put apart
    turned.parts = replace(
        turned.parts,
        apart=frame_of(
            flipped.filter(pl.struct("a", "b").is_in([{"a": a, "b": b} for a, b, _ in apart]))
        ),
    )
    list(turned.steps())
    assert [t.loss for t in turned.search.known] == [t.loss for t in tuning.search.known]
    assert [f.loss for f in turned.found.finalists] == [f.loss for f in tuning.found.finalists]


def test_rows_of_a_test_table_leave_the_whole_table_to_learn_from():
    tuning = Tuning(wanted(trials=2), table(), test=table(50))
    list(tuning.steps())
    assert len(tuning.parts.learnt) == 200
    assert tuning.found.on_all_rows


def test_a_study_is_taken_up_where_it_was_left(tmp_path):
    first = Tuning(wanted(trials=3), table())
    study = StudyFile(tmp_path / "s", {})
    for step in first.steps(study):
        if isinstance(step, Trial) and step.number == 1:
            break
    assert [trial.number for trial in StudyFile(tmp_path / "s", {}).trials] == [0, 1]
    second = Tuning(wanted(trials=5), table())
    taken_up = StudyFile(tmp_path / "s", {})
    second.go_on(taken_up)
    new = [step.number for step in second.steps(taken_up) if isinstance(step, Trial)]
    assert new == [2, 3, 4]
    trials = StudyFile(tmp_path / "s", {}).trials
    assert len({str(trial.values) for trial in trials}) == 5


def test_a_search_left_early_has_the_best_network_so_far():
    tuning = Tuning(wanted(trials=50), table())
    for step in tuning.steps():
        if step.number == 2:
            break
    assert tuning.found.values == tuning.search.best.values
    assert len(tuning.found.model.members) == 1
    assert set(tuning.found.model.predict(table())) <= {"x", "y"}


def test_a_trial_worse_than_the_others_were_is_pruned():
    """All the same but for a rate that learns next to nothing."""
    tuning = Tuning(wanted(), table())
    values = [{**tuning.defaults, "rate": 0.005} for _ in range(FEWEST_TO_PRUNE_BY)]
    search = Search(tuning._of_trial, tuning.space, values[0], seed=0)
    for point in [*values[1:], {**tuning.defaults, "rate": 3.1e-4}]:
        search._study.enqueue_trial(point)
    ended = list(
        search.trials(at_once=1, may_begin=lambda n: n <= len(values), is_over=lambda: False)
    )
    assert [trial.ended for trial in ended] == [FINISHED] * len(values) + [PRUNED]
    assert len(ended[-1].curve) < len(ended[0].curve)


def test_a_tuning_ends_in_its_time_and_no_ensemble_is_cut_short(monkeypatch):
    """By a clock of which a hundredth of a second passes whenever it is looked at.

    No trial is pruned: its thread may train an epoch more or less before it sees that it is, and
    the clock would be looked at after each.
    """
    monkeypatch.setattr("chainrule.tuning.search.FEWEST_TO_PRUNE_BY", 10**6)
    ticks = count()
    for module in ("tuning.tuning", "tuning.search", "ensemble"):
        monkeypatch.setattr(f"chainrule.{module}.monotonic", lambda: next(ticks) / 100)
    tuning = Tuning(wanted(trials=None, seconds=3.0, until=3.0), table())
    list(tuning.steps())
    assert 2.0 < next(ticks) / 100 < 3.0
    assert [len(member.history) for member in tuning.found.model.members] == [8, 8]
    assert len(tuning.found.finalists) == 3


def test_where_only_the_defaults_were_tried_they_are_trained_once_on_all_rows():
    tuning = Tuning(wanted(trials=1), table())
    assert [step for step in tuning.steps() if isinstance(step, str)] == ["training on all rows"]
    assert tuning.found.values == tuning.defaults
    assert tuning.found.on_all_rows
    assert len(tuning.found.model.members) == 2


def test_too_few_rows_to_choose_by_are_refused():
    with pytest.raises(InputError, match=r"too few to tune.*--valid"):
        Tuning(wanted(), table(12))
