"""Copies of rows: found, and never learnt from and held out at once."""

import numpy as np
import polars as pl
import pytest

from chainrule.experiment import prepare
from chainrule.folds import folds_of
from chainrule.options import Options
from chainrule.table import copies_in, frame_of


def draws():
    return np.random.default_rng(5)


def distinct(n=60):
    X = draws().normal(size=(n, 2))
    return pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": draws().choice(["u", "v", None], n)})


def groups(frame, y):
    narwhal = frame_of(frame)
    columns = {name: narwhal[name] for name in narwhal.columns}
    return copies_in(columns, np.arange(len(frame)), np.asarray(y))


def test_copies_have_one_number_and_other_rows_another():
    frame = distinct()
    again = np.resize(np.arange(60), 200)
    found = groups(frame[again], np.arange(60.0)[again])
    assert len(np.unique(found)) == 60
    assert all(len(np.unique(found[again == row])) == 1 for row in range(60))


def test_a_column_that_only_numbers_the_rows_does_not_hide_copies():
    frame = pl.concat([distinct(), distinct()]).with_row_index("id")
    assert len(np.unique(groups(frame, np.tile(np.arange(60), 2)))) == 60


def test_rows_that_all_differ_are_no_copies():
    assert groups(distinct(), np.zeros(60)) is None


def test_answers_of_many_people_to_few_questions_are_no_copies():
    random = draws()
    frame = pl.DataFrame({"a": random.choice(["x", "y"], 300), "b": random.choice([1, 2], 300)})
    assert groups(frame, random.integers(2, size=300)) is None


def test_the_parts_do_not_depend_on_whether_numbers_came_as_text():
    numbers = pl.concat(
        [pl.DataFrame({"a": [9.0, None, 10.5, 2.0], "b": [1.0, 2.0, 3.0, 4.0]})] * 20
    )
    y = np.tile(np.arange(4.0), 20)
    found = groups(numbers, y)
    assert np.array_equal(found, groups(numbers.cast(pl.String), y))
    assert np.array_equal(found, groups(numbers.with_columns(pl.col("a").fill_null(np.nan)), y))
    assert np.array_equal(found, np.tile(np.arange(4), 20))


@pytest.mark.parametrize("target", ["number", "kind"])
def test_copies_are_learnt_from_or_held_out_together(target):
    frame = distinct().with_columns(
        number=pl.Series(draws().normal(size=60)), kind=pl.Series(draws().choice(["p", "q"], 60))
    )
    frame = pl.concat([frame] * 6)
    experiment = prepare(frame.drop("kind" if target == "number" else "number"), target, Options())
    for fold in experiment.folds:
        learnt = set(fold.learnt % 60)
        assert len(fold.held_out) > 20
        assert not learnt & set(fold.held_out % 60)
    assert any("360 rows are 60 distinct ones" in line for line in experiment.decisions)


def test_without_copies_the_folds_are_what_they_were():
    y = draws().integers(2, size=200)
    plain, _ = folds_of(y, 0.2, [1, 2, 3])
    alone, _ = folds_of(y, 0.2, [1, 2, 3], np.arange(200))
    for one, other in zip(plain, alone, strict=True):
        assert np.array_equal(one.held_out, other.held_out)
