"""What multilayer perceptrons answer: to tables of all kinds, to few rows, and at the edges."""

from functools import cache

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from chainrule import MLPClassifier, MLPRegressor
from chainrule.errors import InputError
from chainrule.estimators import mlp_course
from chainrule.training import train

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]

X, y = load_iris(return_X_y=True)
X = scale(X)
rng = np.random.default_rng(0)
SETTINGS = {"hidden_layer_sizes": (6,), "learning_rate_init": 0.02, "max_iter": 8,
            "random_state": 0}  # fmt: skip
KINDS = [MLPClassifier, MLPRegressor]


def model(kind=MLPClassifier, **settings):
    return kind(**{**SETTINGS, **settings})


# Tables of all kinds

TABLE = np.round(rng.standard_normal((60, 5)) * 4) * (rng.random((60, 5)) < 0.7)
ANSWERS = (TABLE.sum(axis=1) > 0).astype(int)


@cache
def expected(kind):
    return model(kind).fit(TABLE, ANSWERS).predict(TABLE)


def frame_of(package):
    data = {f"column {j}": TABLE[:, j] for j in range(5)}
    module = pytest.importorskip(package)
    return module.table(data) if package == "pyarrow" else module.DataFrame(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_a_data_frame_gives_the_same_answers_and_its_names(kind, package):
    frame = frame_of(package)
    fitted = model(kind).fit(frame, ANSWERS)
    assert np.array_equal(fitted.predict(frame), expected(kind))
    if package != "pyarrow":
        assert fitted.feature_names_in_.tolist() == [f"column {j}" for j in range(5)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of_array", [
    np.asfortranarray, lambda table: table.astype(np.int64), lambda table: table.astype(np.int8),
    lambda table: np.repeat(table, 2, axis=0)[::2], lambda table: table.tolist(),
    lambda table: table.astype(">f8"), lambda table: table.astype(object),
])  # fmt: skip
def test_an_array_of_any_layout_gives_the_same_answers(kind, of_array):
    table = of_array(TABLE)
    assert np.array_equal(model(kind).fit(table, ANSWERS).predict(table), expected(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_and_gives_nearly_the_same_answers(kind):
    table = TABLE.astype(np.float32)
    fitted = model(kind).fit(table, ANSWERS)
    assert {W.dtype for W in fitted.coefs_} == {np.dtype(np.float32)}
    np.testing.assert_allclose(fitted.predict(table), expected(kind), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("of_kind", ["matrix", "array"])
def test_a_sparse_table_gives_the_same_answers(kind, form, of_kind):
    table = getattr(sparse, f"{form}_{of_kind}")(TABLE)
    fitted = model(kind).fit(table, ANSWERS)
    np.testing.assert_allclose(fitted.predict(table), expected(kind), rtol=1e-9)
    np.testing.assert_allclose(fitted.predict(TABLE), expected(kind), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_in_a_file_gives_the_same_answers(kind, tmp_path):
    joblib.dump(TABLE, tmp_path / "table.joblib")
    loaded = joblib.load(tmp_path / "table.joblib", mmap_mode="r")
    mapped = np.memmap(tmp_path / "table.raw", dtype=np.float64, mode="w+", shape=TABLE.shape)
    mapped[:] = TABLE
    mapped.flush()
    mapped = np.memmap(tmp_path / "table.raw", dtype=np.float64, mode="r", shape=TABLE.shape)
    for table in (loaded, mapped):
        assert isinstance(table, np.memmap)
        assert np.array_equal(model(kind).fit(table, ANSWERS).predict(table), expected(kind))


@pytest.mark.parametrize(
    ("table", "copied"),
    [
        (TABLE, True),
        (np.where(TABLE > 3, np.nan, TABLE), True),
        (np.eye(60, 50), False),
    ],
    ids=["many numbers", "and gaps", "few numbers"],
)
def test_only_a_sparse_table_with_many_numbers_is_copied(table, copied, monkeypatch):
    pytest.importorskip("numba")
    seen = []

    def watched(network, rows, settings, **others):
        validation = others["validation"]
        seen.append((others["engine"].__name__, *map(sparse.issparse, (rows.X, validation.X))))
        return train(network, rows, settings, **others)

    monkeypatch.setattr(mlp_course, "train", watched)
    fitted = model(missing="indicator", early_stopping=True)
    fitted.fit(sparse.csr_array(table), ANSWERS)
    assert seen == [("chainrule.engines.compiled", not copied, not copied)]


# A few rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_is_answered_as_among_many(kind, dtype):
    many = rng.standard_normal((2000, 5)).astype(dtype)
    fitted = model(kind, hidden_layer_sizes=(100,)).fit(TABLE.astype(dtype), TABLE[:, 0])
    answer = fitted.predict_proba if kind is MLPClassifier else fitted.predict
    alone = np.concatenate([answer(many[i : i + 1]) for i in range(20)])
    assert alone.dtype == dtype
    np.testing.assert_allclose(alone, answer(many)[:20], rtol=0, atol=1e-5 if dtype == np.float32
                               else 1e-12)  # fmt: skip


def test_few_rows_are_not_answered_with_coefficients_of_a_wrong_shape():
    fitted = model().fit(X, y)
    fitted.intercepts_[0] = np.zeros(1)
    with pytest.raises(InputError, match="coefs_ and intercepts_ have shapes"):
        fitted.predict(X[:1])


# At the edges


def test_one_class_alone_is_certain():
    model = MLPClassifier(max_iter=2).fit(X, np.full(150, "only"))
    assert (model.predict(X) == "only").all()
    assert np.array_equal(model.predict_proba(X), np.ones((150, 1)))


def test_the_probability_of_an_almost_impossible_class_is_not_rounded_to_0():
    model = MLPClassifier((), max_iter=1).fit([[-1.0], [1.0]], [0, 1])
    model.coefs_, model.intercepts_ = [np.array([[1.0]])], [np.array([0.0])]
    no, yes = model.predict_proba([[60.0]])[0]
    assert (no, yes) == (pytest.approx(np.exp(-60)), 1.0)
    assert model.predict_log_proba([[60.0]])[0, 0] == pytest.approx(-60)
