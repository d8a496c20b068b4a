"""A trained model: what it answers, and that its file is the same model."""

import json

import numpy as np
import polars as pl
import pytest

from chainrule.errors import InputError, ModelFileError, TableError
from chainrule.experiment import prepare
from chainrule.model import Model
from chainrule.model_file import read_model_file, write_model_file
from chainrule.options import Options


def table(n=120, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    return pl.DataFrame(
        {
            "x": x,
            "group": random.choice(["a", "b", None], n),
            "amount": 1000 + 50 * x,
            "kind": np.where(x > 0.8, "high", np.where(x < -0.8, "low", "middle")),
            "yes": x > 0,
        }
    )


def trained(target, **options):
    ignore = tuple({"amount", "kind", "yes"} - {target})
    experiment = prepare(
        table(), target, Options(**{"epochs": 5, "hidden": (8,), "ignore": ignore} | options)
    )
    history = []
    for epoch in experiment.train():
        history.append(epoch.figures())
    return experiment.model(epoch.best, history)


@pytest.fixture(scope="module")
def models():
    return {
        "amount": trained("amount"),
        "kind": trained("kind"),
        "yes": trained("yes"),
        "quantiles": trained("amount", loss="quantile:0.1,0.5,0.9", activation=("tanh",)),
    }


@pytest.mark.parametrize("name", ["amount", "kind", "yes", "quantiles"])
def test_a_saved_model_is_the_same_model(models, name, tmp_path):
    model, path = models[name], tmp_path / "model.safetensors"
    model.save(path)
    loaded = Model.load(path)
    assert np.array_equal(loaded.parameters.theta, model.parameters.theta)
    assert np.array_equal(loaded.predict(table()), model.predict(table()))
    assert loaded.predict(table()).dtype == model.predict(table()).dtype
    assert loaded.history == model.history
    assert loaded.network == model.network
    loaded.save(tmp_path / "again.safetensors")
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_the_file_tells_in_json_how_columns_become_inputs(models, tmp_path):
    models["kind"].save(tmp_path / "model.safetensors")
    document, tensors = read_model_file(tmp_path / "model.safetensors")
    columns = json.loads(json.dumps(document))["encoder"]["columns"]
    assert [(column["name"], column["kind"]) for column in columns[:2]] == [
        ("x", "number"),
        ("group", "category"),
    ]
    assert set(tensors) == {
        "members.0.layers.0.W",
        "members.0.layers.0.b",
        "members.0.layers.1.W",
        "members.0.layers.1.b",
    }


def test_classes_come_back_in_their_own_type(models):
    assert set(models["kind"].predict(table())) <= {"high", "low", "middle"}
    assert models["yes"].predict(table()).dtype == np.bool_


def test_probabilities_of_a_row_sum_to_one_and_choose_the_answer(models):
    for name in ("kind", "yes"):
        p = models[name].predict_probabilities(table())
        assert p.shape == (120, len(models[name].target.classes))
        assert p.sum(axis=1) == pytest.approx(np.ones(120), abs=1e-6)
        chosen = models[name].target.decode(p.argmax(axis=1))
        assert np.array_equal(chosen, models[name].predict(table()))


def test_quantiles_ascend_and_the_middle_one_is_the_answer(models):
    found = models["quantiles"].predict_quantiles(table())
    assert found.shape == (120, 3)
    assert (np.diff(found, axis=1) >= 0).all()
    assert np.array_equal(found[:, 1], models["quantiles"].predict(table()))


def test_an_evaluation_compares_with_the_trivial_answer(models):
    found = models["amount"].evaluate(table())
    assert found.baseline["R2"] == pytest.approx(0, abs=0.05)
    y = table()["amount"].to_numpy()
    expected = np.sqrt(np.mean((models["amount"].predict(table()) - y) ** 2))
    assert found.figures["RMSE"] == pytest.approx(expected)
    assert json.dumps(models["kind"].evaluate(table()).to_dict(), allow_nan=False)


def test_rows_without_target_are_not_judged(models):
    frame = table().with_columns(
        pl.when(pl.arange(0, pl.len()) < 20).then(None).otherwise(pl.col("amount")).alias("amount")
    )
    assert models["amount"].evaluate(frame).n_rows == 100
    with pytest.raises(TableError, match="empty in every row"):
        models["amount"].evaluate(frame.head(20))


def test_a_row_is_answered_the_same_alone_and_among_others(models):
    together = models["amount"].predict(table())
    alone = [models["amount"].predict(table()[i])[0] for i in range(10)]
    assert alone == pytest.approx(together[:10], rel=1e-6)


def test_questions_that_the_model_cannot_answer_are_refused(models):
    with pytest.raises(InputError, match="probabilities are of classes"):
        models["amount"].predict_probabilities(table())
    with pytest.raises(InputError, match="quantile:"):
        models["amount"].predict_quantiles(table())
    with pytest.raises(TableError, match="'x'"):
        models["amount"].predict(table().drop("x"))
    with pytest.raises(TableError, match="'amount'"):
        models["amount"].evaluate(table().drop("amount"))


@pytest.mark.parametrize(
    "change",
    [
        lambda d, t: d.pop("layers"),
        lambda d, t: d.update(extra=1),
        lambda d, t: d["layers"][0].update(activation="os.system"),
        lambda d, t: d["layers"][0].update(n_outputs=9),
        lambda d, t: d["layers"][0].update(surprise=9),
        lambda d, t: d["loss"].update(name="evil"),
        lambda d, t: d["loss"].update(levels="evil"),
        lambda d, t: d["encoder"]["columns"].pop(0),
        lambda d, t: d.update(typical=[1.0]),
        lambda d, t: d.update(typical=["a", "b", "c"]),
        lambda d, t: d["target"].update(classes=["a"]),
        lambda d, t: d.update(history=[3]),
        lambda d, t: t.pop("members.0.layers.1.b"),
        lambda d, t: t.update({"more": np.zeros(3)}),
        lambda d, t: t.update({"members.0.layers.0.b": t["members.0.layers.0.b"][:-1]}),
        lambda d, t: t.update(
            {"members.0.layers.0.b": t["members.0.layers.0.b"] * np.float32(np.nan)}
        ),
        lambda d, t: t.update({"members.0.layers.0.b": t["members.0.layers.0.b"].astype(np.int64)}),
        lambda d, t: t.clear(),
    ],
)
def test_a_whole_file_that_is_no_model_is_refused(models, tmp_path, change):
    path = tmp_path / "model.safetensors"
    models["kind"].save(path)
    document, tensors = read_model_file(path)
    change(document, tensors)
    write_model_file(path, document, tensors)
    with pytest.raises(ModelFileError, match=r"model\.safetensors"):
        Model.load(path)
