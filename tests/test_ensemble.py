"""Ensembles: members side by side, what is kept of them, and how a time is kept."""

from dataclasses import replace
from time import monotonic

import numpy as np
import polars as pl
import pytest

from chainrule.budget import fitted_to
from chainrule.engines import reference
from chainrule.ensemble import Ensemble
from chainrule.errors import DivergedError
from chainrule.experiment import Experiment, prepare
from chainrule.folds import folds_of
from chainrule.options import Options
from chainrule.training import train

DRAWS = np.random.default_rng(0)
A, B = DRAWS.normal(size=(2, 400))
TABLE = pl.DataFrame({"a": A, "b": B, "y": A * B})


def prepared(**options):
    settled = {"hidden": (8,), "bins": 0, "epochs": 5, "members": 4} | options
    return prepare(TABLE, "y", Options(**settled))


def trained(experiment, **how):
    ensemble = Ensemble(experiment)
    records = list(ensemble.train(**how))
    return ensemble, records


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_member_beside_others_is_bit_for_bit_what_it_is_alone(engine):
    if engine == "compiled":
        computing = pytest.importorskip("chainrule.engines.compiled")
    else:
        computing = reference
    experiment = prepared(initializer="he_normal")  # begun at random, not as a linear model
    together, _ = trained(experiment, engine=computing, at_once=4)
    for member, fold in zip(together.model().members, experiment.folds, strict=True):
        *_, last = train(
            experiment.network,
            experiment.table.take(fold.learnt),
            replace(experiment.settings, seed=fold.seed),
            validation=experiment.table.take(fold.held_out),
            engine=computing,
        )
        assert np.array_equal(last.best.theta, member.parameters.theta)


def test_the_prediction_is_the_mean_of_the_predictions_of_the_members():
    ensemble, _ = trained(prepared())
    model = ensemble.model()
    of_members = [model.member(k).predict(TABLE) for k in range(4)]
    assert np.allclose(model.predict(TABLE), np.mean(of_members, axis=0), atol=1e-6)
    of_traces = [model.trace(TABLE, row=3, member=k).answer for k in range(4)]
    assert model.predict(TABLE)[3] == pytest.approx(np.mean(of_traces), abs=1e-6)


def test_every_epoch_of_every_member_is_told_once():
    for at_once in (1, 3):
        _, records = trained(prepared(), at_once=at_once)
        told = sorted((record.member, record.epoch.number) for record in records)
        assert told == [(k, number) for k in range(4) for number in range(1, 6)]


def test_members_that_were_stopped_on_their_way_are_left_out_of_the_model():
    ensemble = Ensemble(prepared())
    for record in ensemble.train():
        if record.member == 2 and record.epoch.number == 3:
            break
    assert ensemble.begun == [0, 1, 2]
    assert ensemble.finished == [0, 1]
    assert [len(member.history) for member in ensemble.model().members] == [5, 5]


def test_if_none_was_finished_the_model_is_of_all_that_began():
    ensemble = Ensemble(prepared(epochs=1000, patience=0))
    for record in ensemble.train(at_once=2):
        if record.member == 1:
            break
    assert ensemble.finished == ensemble.begun
    assert len(ensemble.model().members) == len(ensemble.begun) >= 1


def test_the_error_of_a_member_reaches_whoever_waits(monkeypatch):
    epochs = Experiment.train

    def diverging(self, engine, *, member=0, tell=None):
        if member == 2:
            raise DivergedError("member 2")
        yield from epochs(self, engine, member=member)

    monkeypatch.setattr(Experiment, "train", diverging)
    for at_once in (1, 3):
        with pytest.raises(DivergedError, match="member 2"):
            trained(prepared(), at_once=at_once)


def test_no_member_begins_that_would_not_end_in_time(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("chainrule.ensemble.monotonic", lambda: clock[0])
    ensemble = Ensemble(prepared())
    for _ in ensemble.train(until=17.0):
        clock[0] += 1.0
    assert ensemble.finished == [0, 1, 2]  # of five seconds each: the fourth would end at 20


def test_a_training_is_stopped_when_its_time_is_over(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("chainrule.ensemble.monotonic", lambda: clock[0])
    ensemble = Ensemble(prepared(epochs=100, patience=0))
    for _ in ensemble.train(until=7.5):
        clock[0] += 1.0
    assert len(ensemble.courses[0].history) == 8
    assert ensemble.begun == [0]


def test_where_time_is_short_there_are_fewer_epochs_and_at_last_fewer_rows(monkeypatch):
    monkeypatch.setattr("chainrule.budget._pace", lambda experiment, engine: 3400.0)
    monkeypatch.setattr("chainrule.budget.monotonic", lambda: 0.0)
    experiment = prepared(epochs=50)
    assert fitted_to(experiment, reference, 1000.0, 1) is experiment
    fewer = fitted_to(experiment, reference, 2.0, 1)  # 0.9 of 2 s at 3,400 rows: 18 times 340
    assert fewer.settings.epochs == fewer.options.epochs == 18
    least = fitted_to(experiment, reference, 0.05, 1)
    assert least.settings.epochs == 1
    assert all(len(fold.learnt) == 153 for fold in least.folds)


def test_the_pace_is_that_of_trainings_beside_one_another(monkeypatch):
    paces = iter([3400.0, 1700.0])  # a busy machine
    monkeypatch.setattr("chainrule.budget._pace", lambda experiment, engine: next(paces))
    monkeypatch.setattr("chainrule.budget.monotonic", lambda: 0.0)
    assert fitted_to(prepared(epochs=50), reference, 2.0, 2).settings.epochs == 13


@pytest.mark.parametrize("at_once", [1, 2])
def test_an_epoch_ends_even_where_no_time_is_left(at_once):
    ensemble = Ensemble(prepared())
    seen = list(ensemble.train(at_once=at_once, until=monotonic() - 1.0))
    assert [record.member for record in seen] == [0]
    assert ensemble.finished == [0]


def test_a_budget_is_kept_by_the_clock():
    experiment = prepared(epochs=100_000, patience=0, members=32)
    start = monotonic()
    fitted = fitted_to(experiment, reference, 1.0, 1)
    ensemble, _ = trained(fitted, until=start + 1.0)
    assert monotonic() - start < 5  # it has 1.1 where nothing else runs
    assert ensemble.finished


def test_the_figures_of_validation_are_of_rows_that_the_answering_member_has_not_learnt_from():
    ensemble, _ = trained(prepared(members=6))
    model = ensemble.model()
    found, held_out = ensemble.experiment.judge(model, ensemble.finished)
    assert held_out
    squares = []
    for k, fold in enumerate(ensemble.experiment.folds[:4]):
        few = TABLE[fold.held_out]
        answers = [model.member(one).predict(few) for one in (k, k + 4) if one < 6]
        squares.append((few["y"].to_numpy() - np.mean(answers, axis=0)) ** 2)
    assert found.figures["RMSE"] == pytest.approx(np.sqrt(np.concatenate(squares).mean()))
    assert found.n_rows == 240


def test_there_are_four_parts_at_most_so_that_some_rows_are_held_out_by_nobody():
    folds, _ = folds_of(np.zeros((100, 1)), 0.15, range(8))
    first = np.concatenate([fold.held_out for fold in folds[:4]])
    assert len(first) == len(np.unique(first)) == 60
    for again, fold in zip(folds[4:], folds, strict=False):
        assert np.array_equal(again.held_out, fold.held_out)
        assert again.seed != fold.seed
