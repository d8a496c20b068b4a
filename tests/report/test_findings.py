"""What a report finds: dependence, worst rows and sensitive columns, against their definitions."""

import numpy as np
import polars as pl
import pytest

from chainrule.report.dependence import dependence
from chainrule.report.judged_rows import judge_rows, losses_of_rows
from chainrule.report.sensitivity import most_sensitive
from chainrule.report.worst_rows import worst_rows
from report.tables import clouds, houses, trained

TARGET = 'price & "more"'


@pytest.fixture(scope="module")
def model():
    return trained(houses(), TARGET, epochs=20)


def test_partial_dependence_is_the_mean_answer_for_the_table_with_that_cell_everywhere(model):
    table = houses().filter(pl.col(TARGET).is_not_null())
    judged = judge_rows(model, table)
    for name in table.columns[:4]:
        found = dependence(model, judged, name)
        written = found.names if found.names else None
        for place in (0, len(found.values) - 1):
            if found.kind == "date":
                days = table[name].str.to_date().cast(pl.Int32).to_numpy()
                years = 1970 + days / 365.2425
                cell = table[name][int(np.abs(years - found.values[place]).argmin())]
            else:
                cell = written[place] if written else float(found.values[place])
            changed = table.with_columns(pl.lit(cell).alias(name))
            expected = model.predict(changed).mean()
            assert found.means[place, 0] == pytest.approx(expected, rel=1e-4), name


def test_partial_dependence_of_a_missing_cell_is_that_of_the_table_without_the_cells(model):
    table = houses().filter(pl.col(TARGET).is_not_null())
    name = table.columns[0]
    found = dependence(model, judge_rows(model, table), name)
    without = table.with_columns(pl.lit(None, dtype=pl.Float64).alias(name))
    assert found.missing[0] == pytest.approx(model.predict(without).mean(), rel=1e-4)
    assert dependence(model, judge_rows(model, table), table.columns[1]).missing is None


def test_the_worst_rows_are_those_with_the_largest_losses_and_their_parts_add_up(model):
    judged = judge_rows(model, houses())
    losses = losses_of_rows(model, judged)
    worst = worst_rows(model, judged)
    assert [one.loss for one in worst] == sorted(losses, reverse=True)[: len(worst)]
    for one in worst:
        total = one.typical + sum(part.value for part in one.parts) + one.rest
        assert total == pytest.approx(one.own, abs=1e-5)
        assert one.own == pytest.approx(one.answer, abs=1e-4)
        row = houses().row(one.number - 1, named=True)
        assert row[TARGET] == pytest.approx(one.truth)


def test_the_columns_that_are_not_shown_are_added_up():
    random = np.random.default_rng(1)
    X = random.normal(size=(60, 9))
    table = pl.DataFrame({**{f"x{j}": X[:, j] for j in range(9)}, "y": X.sum(axis=1)})
    for one in worst_rows(model := trained(table, "y"), judge_rows(model, table)):
        assert one.n_rest == 9 - len(one.parts) == 3
        total = one.typical + sum(part.value for part in one.parts) + one.rest
        assert total == pytest.approx(one.own, abs=1e-5)


@pytest.mark.parametrize("k", [2, 3])
def test_the_parts_of_a_class_lead_to_the_score_of_the_class_that_is_answered(k):
    table = clouds(k)
    model = trained(table, "kind")
    judged = judge_rows(model, table)
    for one in worst_rows(model, judged):
        trace = model.trace(table, one.number - 1)
        scores = trace.scores.tolist()
        chosen = model.target.classes.index(one.answer)
        expected = scores[chosen] if k > 2 else scores[0] * (1 if chosen else -1)
        assert one.own == pytest.approx(expected, rel=1e-4, abs=1e-5)
        assert table["kind"][one.number - 1] == one.truth != one.answer
        assert one.probability[0] == pytest.approx(judged.predictions[one.number - 1].max())


def test_rows_without_weight_are_never_the_worst():
    table = houses().with_columns(w=pl.int_range(pl.len()) % 2)
    model = trained(table, TARGET, weight="w")
    assert {one.number % 2 for one in worst_rows(model, judge_rows(model, table, "w"))} == {0}


def test_the_column_that_the_answers_follow_is_the_most_sensitive():
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 12))
    table = pl.DataFrame({**{f"x{j}": X[:, j] for j in range(12)}, "y": 3 * X[:, 7]})
    model = trained(table, "y", epochs=10)
    assert most_sensitive(model, judge_rows(model, table), 1) == ("x7",)
