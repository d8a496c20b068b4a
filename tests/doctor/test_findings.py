"""Each finding is made on a table that provokes it, and on no healthy one."""

import numpy as np
import polars as pl
import pytest
from sklearn import datasets

from doctor.tables import classes, found, numbers, warnings


def random():
    return np.random.default_rng(7)


@pytest.mark.parametrize(
    "table",
    [
        numbers(),
        numbers(seed=1, noise=1.0),
        numbers(1200, seed=2, d=10),
        classes(),
        classes(seed=1, k=4),
        classes(seed=2, gap=0.5),
        classes(1200, seed=3, d=12),
    ],
)
def test_nothing_is_wrong_with_a_healthy_table(table):
    assert found(table) == {}


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_tables_that_everybody_knows_raise_no_warning(name):
    table = pl.from_pandas(getattr(datasets, f"load_{name}")(as_frame=True).frame)
    assert warnings(table, "target", hidden=None, epochs=None, bins=None, rate=None) == set()


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "silu"])
def test_every_activation_has_neurons_that_live(activation):
    assert found(classes(), activation=(activation,)) == {}


# the course


@pytest.mark.parametrize("rate", [0.5, 3.0])
def test_a_rate_that_is_too_high(rate):
    finding = found(numbers(), rate=rate)["learning rate too high"]
    assert finding.evidence["loss of epoch 1"] > 5 * finding.evidence["loss of a constant answer"]
    assert f"--rate {rate / 10:g} " in str(finding.next_step)


@pytest.mark.parametrize("rate", [1e-6, 1e-5, 1e-4])
def test_a_rate_that_is_too_low(rate):
    finding = found(numbers(), rate=rate)["learning rate too low"]
    assert f"--rate {rate * 10:g} " in str(finding.next_step)


def test_a_training_that_ended_too_early():
    short = {"epochs": 3, "rate": None, "initializer": "he_normal"}  # not begun as a linear model
    finding = found(classes(seed=1, k=4), **short)["training ended too early"]
    assert "--epochs 6" in str(finding.next_step)


def test_gradients_that_vanish_in_many_sigmoids():
    finding = found(numbers(), hidden=(16,) * 10, activation=("sigmoid",))["vanishing gradients"]
    assert finding.evidence["of the first layer / of the last"] < 1e-3
    assert "--activation" not in str(finding.next_step)  # the default one


def test_ten_layers_that_let_the_gradient_through():
    assert "vanishing gradients" not in found(numbers(), hidden=(16,) * 10, activation=("tanh",))


def test_gradients_that_explode():
    options = {"optimizer": "sgd", "rate": 0.25, "schedule": "one_cycle", "activation": ("tanh",)}
    made = found(numbers(300), hidden=(32, 32, 32), **options)
    assert made["exploding gradients"].evidence["largest / largest after epoch 1"] > 100
    assert "exploding gradients" not in found(
        numbers(300), hidden=(32, 32, 32), **{**options, "rate": 0.02}
    )


# neurons


def test_relus_that_died_of_a_high_rate():
    random = {"initializer": "he_normal"}  # neurons that carry a line from the start stay alive
    finding = found(numbers(), activation=("relu",), rate=0.3, **random)["dead ReLUs"]
    assert finding.severity == "warning"
    assert "--rate 0.003" not in str(finding.next_step)  # the default one is not written out
    assert "--rate" not in str(finding.next_step)


def test_sigmoids_at_their_ends():
    finding = found(numbers(), activation=("sigmoid",), rate=2.0)["saturated neurons"]
    assert finding.evidence["rows"] == 340


def test_layers_without_activation_are_one_linear_map():
    finding = found(numbers(), activation=("identity",))["no activation"]
    assert finding.evidence["largest difference of their scores"] < 1e-4
    assert finding.evidence["parameters of the linear map"] == 5


def test_a_linear_model_on_purpose_is_no_collapse():
    assert "no activation" not in found(numbers(), hidden=())


def test_one_activation_among_the_layers_is_no_collapse():
    assert "no activation" not in found(numbers(), activation=("identity", "tanh"))


# columns

LEAKS = {
    "a copy": pl.col("y") * 3 + 1,
    "a curve": (pl.col("y") / 2).exp(),
    "a copy with noise": pl.col("y") + pl.Series(0.05 * random().normal(size=400)),
    "a fall": -(pl.col("y") ** 3),
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_a_column_made_from_the_number(leak):
    finding = found(numbers().with_columns(late=leak))["leakage suspected"]
    assert "--ignore late" in str(finding.next_step)


def test_a_column_made_from_the_classes():
    table = classes(600, k=3)
    texts = table.with_columns(late=pl.col("y").replace({"c0": "a", "c1": "b", "c2": "c"}))
    assert "leakage suspected" in warnings(texts)
    gaps = classes(600).with_columns(late=pl.when(pl.col("y") == "c1").then(1.5))
    assert "leakage suspected" in warnings(gaps)


def test_a_column_that_tells_much_is_no_leak():
    table = numbers()
    noise = 0.3 * table["y"].std() * random().normal(size=400)
    assert found(table.with_columns(near=pl.col("y") + pl.Series(noise))) == {}


def test_a_single_column_is_what_there_is_to_learn_from():
    table = pl.DataFrame({"x": (x := random().normal(size=300)), "y": 2 * x})
    assert "leakage suspected" not in found(table)


def test_columns_that_say_the_same_are_a_note():
    table = numbers().with_columns(sum=pl.col("x0") + pl.col("x1"), fixed=pl.lit(3))
    made = found(table)
    assert {one.severity for one in made.values()} == {"note"}
    assert made["collinear columns"].evidence
    assert "'fixed'" in made["constant columns"].sentence


def test_fewer_rows_than_it_takes():
    assert found(numbers(60, d=40))["few rows"].severity == "warning"
    assert found(numbers(90))["few rows"].severity == "note"
    assert "few rows" not in found(numbers(200))


# rows that were not learnt from


def test_validation_rows_of_another_kind():
    finding = found(numbers(), validation=numbers(seed=9).with_columns(x2=pl.col("x2") + 1))[
        "validation rows of another kind"
    ]
    assert finding.evidence["distance of 'x2'"] > 0.3
    assert "distance of 'x1'" not in finding.evidence


def test_a_shift_of_many_columns_that_none_shows_alone():
    table, other = numbers(1000, d=40), numbers(400, seed=9, d=40)
    shifted = other.with_columns(pl.col(f"x{i}") + 0.15 for i in range(40))
    finding = found(table, validation=shifted, epochs=5)["validation rows of another kind"]
    assert list(finding.evidence) == ["ROC AUC of telling them apart"]
    assert "validation rows of another kind" not in found(table, validation=other, epochs=5)


def test_a_target_of_another_kind():
    other = numbers(seed=9).with_columns(y=pl.col("y") + 2)
    evidence = found(numbers(), validation=other)["validation rows of another kind"].evidence
    assert "distance of the target 'y'" in evidence


def test_rows_learnt_by_heart():
    table, other = numbers(120, d=30, noise=1), numbers(400, seed=9, d=30, noise=1)
    longer = {"patience": 0, "epochs": 100, "initializer": "he_normal"}
    assert "overfitting" in found(table, validation=other, **longer)
    noise = table.with_columns(y=pl.Series(random().permutation(table["y"])))
    assert found(noise, validation=other, **longer)["overfitting"].severity == "warning"


def test_a_network_that_was_never_better_than_a_constant_answer():
    X = random().normal(size=(500, 30))
    table = pl.DataFrame({f"x{i}": x for i, x in enumerate(X.T)} | {"y": ["u", "v"] * 250})
    finding = found(table, activation=("silu",))["overfitting"]
    assert finding.severity == "warning"
    assert "hardly anything" in finding.sentence
    evidence = finding.evidence
    assert evidence["validation loss then"] > 0.95 * evidence["loss of a constant answer"]


def test_a_rare_class_that_is_never_the_answer():
    draw, table = random(), classes(1500, gap=0)
    table = table.with_columns(y=pl.Series(np.where(draw.random(1500) < 0.04, "yes", "no")))
    finding = found(table, epochs=10)["a class never predicted"]
    assert "'yes'" in finding.sentence
    assert finding.evidence["rows of yes"] == (table["y"] == "yes").sum()


def test_a_rare_class_that_is_answered():
    assert "a class never predicted" not in found(
        pl.concat([classes(400), classes(20).with_columns(pl.col("x0") + 20, y=pl.lit("rare"))])
    )


# the target


def test_a_target_ruled_by_one_row():
    table = numbers().with_columns(
        y=pl.when(pl.int_range(400) == 123).then(1e6).otherwise(pl.col("y"))
    )
    finding = found(table)["target ruled by one row"]
    assert finding.evidence["its target"] == pytest.approx(1e6)
    assert "--loss absolute" in str(finding.next_step)


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_labels_that_were_mixed_up(share):
    table = classes(1000, gap=2.0)
    wrong = random().random(1000) < share
    y = np.where(wrong, np.where(table["y"] == "c0", "c1", "c0"), table["y"])
    assert "label noise" in warnings(table.with_columns(y=pl.Series(y)))


@pytest.mark.parametrize("gap", [0.3, 0.6, 1.0, 2.0])
def test_classes_that_overlap_are_no_label_noise(gap):
    assert "label noise" not in found(classes(1000, gap=gap))


def test_rows_that_contradict_one_another():
    table = pl.DataFrame({"x": [*"abcd"] * 50, "y": ["u", "v", "u", "u", *"uvuv"] * 25})
    evidence = found(table, epochs=5, valid_fraction=0.0)["contradicting rows"].evidence
    assert evidence["of these in the minority of their like"] == 25
    assert evidence["highest accuracy on these rows"] == pytest.approx(1 - 25 / 200)


def test_numbers_that_contradict_one_another():
    x = np.arange(100) % 20
    y = x + np.where(np.arange(100) < 50, -1.0, 1.0) * 3
    table = pl.DataFrame({"x": x * 1.5, "y": y})
    finding = found(table, epochs=5, valid_fraction=0.0)["contradicting rows"]
    groups = [y[x == i] for i in range(20)]
    expected = np.sqrt(np.mean([np.var(group) for group in groups]))
    assert finding.evidence["lowest RMSE on these rows"] == pytest.approx(expected)
