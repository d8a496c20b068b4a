"""The table of a training is recognised, and its split found again."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from chainrule.doctor import examine, examine_training
from chainrule.doctor.case import MOST_ROWS, case_after_training, case_of_table
from chainrule.doctor.examination import CHECKS, examined
from chainrule.doctor.target import target_scale
from chainrule.engines import Rows
from chainrule.errors import TableError
from chainrule.model import Model
from chainrule.table import TargetEncoder
from doctor.tables import classes, learnt, numbers


@pytest.mark.parametrize("table", [numbers(), classes(), classes(k=3)], ids=["y", "2", "3"])
def test_the_split_of_a_training_is_found_again(table):
    experiment, model = learnt(table, epochs=4)
    case = case_of_table(model, table)
    for part, rows in ((case.learnt, experiment.rows), (case.unseen, experiment.validation)):
        np.testing.assert_array_equal(part.rows.X, rows.X)
        np.testing.assert_array_equal(part.rows.y, rows.y)
    assert set(case.learnt.at) | set(case.unseen.at) == set(range(len(table)))
    assert (
        examine(model, table).to_dict()["findings"]
        == (examine_training(experiment, model).to_dict()["findings"])
    )


def test_row_numbers_count_the_rows_without_a_target():
    table = numbers().with_columns(y=pl.when(pl.int_range(400) > 2).then("y"))
    case = case_of_table(learnt(table, epochs=2)[1], table)
    assert min(*case.learnt.at, *case.unseen.at) == 3


def test_another_table_is_not_taken_for_that_of_the_training():
    experiment, model = learnt(numbers(), epochs=4)
    case = case_of_table(model, numbers(seed=5))
    assert case.learnt is None
    assert len(case.unseen.rows) == 400
    found = examine(model, numbers(seed=5))
    assert set(found.not_checked) == {
        "validation rows of another kind",
        "overfitting",
        "few rows",
    }
    assert len(found.checked) == 10
    del experiment


def test_a_training_on_every_row_is_recognised():
    model = learnt(numbers(), epochs=2, valid_fraction=0.0)[1]
    case = case_of_table(model, numbers())
    assert (len(case.learnt.rows), case.unseen) == (400, None)
    assert "overfitting" in examine(model, numbers()).not_checked
    assert case_of_table(model, numbers(seed=1)).learnt is None


def test_a_validation_table_of_its_own_is_unseen():
    other = numbers(100, seed=4)
    experiment, model = learnt(numbers(), validation=other, epochs=2)
    case = case_of_table(model, numbers(), other)
    assert (len(case.learnt.rows), len(case.unseen.rows)) == (400, 100)
    np.testing.assert_array_equal(case.unseen.rows.X, experiment.validation.X)


def test_of_an_ensemble_each_member_has_its_own_rows():
    table = numbers()
    experiment, model = learnt(table, epochs=2, members=3)
    for member, fold in enumerate(experiment.folds):
        case = case_after_training(experiment, model, member)
        np.testing.assert_array_equal(case.learnt.rows.X, experiment.table.X[fold.learnt])
        np.testing.assert_array_equal(case.unseen.rows.X, experiment.table.X[fold.held_out])
    again = case_of_table(model, table)
    np.testing.assert_array_equal(again.unseen.at, experiment.folds[0].held_out)


def test_of_a_long_table_a_part_is_looked_at():
    table = numbers(8_000)
    model = learnt(table, epochs=1)[1]
    case = case_of_table(model, table)
    assert (len(case.learnt.rows), case.learnt.n) == (MOST_ROWS, 7_200)
    at = case.learnt.at
    assert len(set(at)) == MOST_ROWS
    np.testing.assert_array_equal(model.encoder.encode(table, at), case.learnt.rows.X)


def test_a_saved_model_is_examined_like_the_one_that_was_saved(tmp_path):
    table = numbers()
    model = learnt(table, rate=1.0, epochs=20)[1]
    model.save(tmp_path / "m.safetensors")
    found = examine(Model.load(tmp_path / "m.safetensors"), table)
    assert found.to_dict() == examine(model, table).to_dict()
    assert found.warnings


def test_a_history_without_gradients_is_examined_by_the_model_as_it_is():
    table = numbers()
    model = learnt(table, hidden=(16,) * 10, activation=("sigmoid",))[1]
    (member,) = model.members
    kept = [{k: v for k, v in epoch.items() if "gradient" not in k} for epoch in member.history]
    old = replace(model, members=(replace(member, history=tuple(kept)),))
    (finding,) = (one for one in examine(old, table).findings if "gradients" in one.name)
    assert "dJ/dW[0], of the finished model" in finding.evidence


def test_an_infinite_gradient_is_an_exploding_one():
    model = learnt(numbers(), epochs=4)[1]
    (member,) = model.members
    *most, last = member.history
    broken = (*most, {**last, "gradient.0": None})
    found = examine(replace(model, members=(replace(member, history=broken),)), numbers())
    assert "exploding gradients" in {one.name for one in found.findings}


def test_targets_in_their_own_unit_are_not_scaled():
    experiment, model = learnt(numbers(), epochs=1)
    case = case_after_training(experiment, model)
    y = pl.Series("y", 100 + 30 * experiment.rows.y[:, 0])
    own = TargetEncoder.fit(y, scaling="none")
    rows = Rows(experiment.rows.X, own.encode(y))
    unscaled = replace(
        case, model=replace(model, target=own), learnt=replace(case.learnt, rows=rows)
    )
    (finding,) = target_scale(unscaled)
    assert finding.name == "target not scaled"
    assert finding.evidence["mean"] == pytest.approx(y.mean())
    assert list(target_scale(case)) == []


def test_every_check_is_a_line_of_the_list():
    assert len(CHECKS) == 13
    found = examined(case_after_training(*learnt(numbers(), epochs=2)))
    assert found.checked == tuple(CHECKS)


def test_warnings_come_before_notes():
    table = numbers().with_columns(twin=pl.col("x0"), late=pl.col("y"))
    found = examine_training(*learnt(table))
    assert [one.severity for one in found.findings] == ["warning", "note"]
    assert (len(found.warnings), len(found.notes)) == (1, 1)


def test_a_table_without_the_target_is_refused():
    with pytest.raises(TableError, match="target column 'y'"):
        examine(learnt(numbers(), epochs=1)[1], numbers().drop("y"))
