"""A trace is what the model computes, and every number of it follows from those it names."""

import json

import numpy as np
import polars as pl
import pytest
from autograd import grad
from autograd import numpy as anp
from autograd.scipy.special import erf
from hypothesis import given
from hypothesis import strategies as st

from chainrule.activations import ACTIVATIONS
from chainrule.engines import Rows, reference
from chainrule.errors import InputError, TableError
from chainrule.losses import LOSSES
from chainrule.network import Parameters
from core import formulas
from traces.models import KINDS, untrained

PAIRS = [(loss, g) for i, loss in enumerate(LOSSES) for g in list(ACTIVATIONS)[i % 3 :: 3]]

models = st.builds(
    untrained,
    loss=st.sampled_from(sorted(LOSSES)),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    hidden=st.lists(st.integers(1, 5), max_size=3).map(tuple),
    seed=st.integers(0, 99),
    bins=st.sampled_from([0, 3]),
)
rows = st.integers(0, len(KINDS) - 1)


def near(a, b):
    return np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@given(models, rows)
def test_every_sum_is_the_sum_of_its_terms_and_every_product_that_of_its_factors(model, row):
    trace = model.trace(KINDS, row)
    for layer in trace.layers:
        g = ACTIVATIONS[layer.activation]
        for j in range(len(layer.b)):
            neuron = layer.neuron(j)
            assert np.array_equal(neuron.products, neuron.inputs * neuron.weights)
            near(neuron.products.sum() + neuron.bias, neuron.z)
            near(g.function(np.float64(neuron.z)), neuron.a)
            near(g.derivative(np.float64(neuron.z), np.float64(neuron.a)), neuron.slope)
            near(neuron.fed_back * neuron.slope, neuron.delta)
            near(neuron.delta * neuron.inputs, neuron.weight_gradients)
            if neuron.terms is not None:
                assert np.array_equal(neuron.terms, neuron.deltas * neuron.weights_out)
                near(neuron.terms.sum(), neuron.fed_back)
            for i in (0, len(neuron.inputs) - 1, None):
                weight = trace.weight(layer.index, j, i)
                near(weight.fed_back * weight.slope * weight.input, weight.gradient)
    near(sum(term.loss for term in trace.truth.terms), trace.truth.loss)


@given(models, rows)
def test_a_trace_answers_what_the_model_answers(model, row):
    trace = model.trace(KINDS, row)
    X = model.encoder.encode(KINDS)[row : row + 1].astype(np.float64)
    exact = reference.forward(model.network, model.parameters.astype(np.float64), X)
    assert np.array_equal(trace.scores, exact.Z[-1][0])
    assert [one.value for one in trace.inputs] == X[0].tolist()
    found, expected = trace.answer, model.predict(KINDS)[row]
    if model.task == "regression":
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    else:
        probabilities = model.predict_probabilities(KINDS)[row]
        np.testing.assert_allclose(trace.answers, probabilities, atol=1e-5)
        assert found == expected or np.ptp(np.sort(probabilities)[-2:]) < 1e-5


@given(models, rows)
def test_the_derivatives_of_a_trace_are_those_of_the_reference_engine(model, row):
    trace = model.trace(KINDS, row)
    y = model.network.loss.as_targets(model.target.encode(KINDS[model.target.name]))
    X = model.encoder.encode(KINDS).astype(np.float64)
    one = Rows(X[row : row + 1], y[row : row + 1])
    J, gradient = reference.loss_and_gradient(
        model.network, model.parameters.astype(np.float64), one
    )
    assert trace.truth.loss == J
    assert np.array_equal(trace.gradient.theta, gradient.theta)
    for layer, W, b in zip(trace.layers, gradient.W, gradient.b, strict=True):
        near(layer.weight_gradients, W)
        near(layer.delta, b)


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_the_derivatives_of_a_trace_are_those_of_autograd(loss, activation):
    model = untrained(loss, activation)
    trace = model.trace(KINDS, 7)
    y = model.network.loss.as_targets(model.target.encode(KINDS[model.target.name]))
    row = Rows(trace.layers[0].x[None], y[7:8])

    def J(theta):
        return formulas.J(model.network, theta, row, m=anp, erf=erf)

    expected = Parameters(model.network, grad(J)(model.parameters.theta.astype(np.float64)))
    for layer, W, b in zip(trace.layers, expected.W, expected.b, strict=True):
        np.testing.assert_allclose(layer.weight_gradients, W, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(layer.delta, b, rtol=1e-10, atol=1e-10)


def test_the_derivatives_of_a_trace_are_those_of_torch():
    torch = pytest.importorskip("torch")
    model = untrained("softmax_cross_entropy", "gelu")
    trace = model.trace(KINDS, 4)
    leaves = [torch.tensor(v, requires_grad=True) for l in trace.layers for v in (l.W, l.b)]
    a = torch.tensor(trace.layers[0].x)[None]
    for l in range(len(trace.layers)):
        z = a @ leaves[2 * l] + leaves[2 * l + 1]
        a = torch.nn.functional.gelu(z)
    y = torch.tensor(model.target.encode(KINDS["kind"])[4:5])
    torch.nn.functional.cross_entropy(z, y).backward()
    for l, layer in enumerate(trace.layers):
        np.testing.assert_allclose(layer.weight_gradients, leaves[2 * l].grad, atol=1e-10)
        np.testing.assert_allclose(layer.delta, leaves[2 * l + 1].grad, atol=1e-10)


def test_dropout_has_no_part_in_a_trace():
    with_dropout, without = untrained(dropout=0.5), untrained(dropout=0.0)
    assert with_dropout.network != without.network
    a, b = with_dropout.trace(KINDS, 3), without.trace(KINDS, 3)
    assert np.array_equal(a.scores, b.scores)
    assert np.array_equal(a.gradient.theta, b.gradient.theta)


def test_without_the_target_there_is_a_way_forward_and_none_back():
    model = untrained()
    for table in (KINDS.drop("area"), KINDS.with_columns(area=pl.lit(None, pl.Float64))):
        trace = model.trace(table, 2)
        assert trace.truth is None
        assert trace.neuron(0, 0).delta is None
        assert trace.weight(0, 0, 0).gradient is None
        assert trace.to_dict()["truth"] is None
        assert np.array_equal(trace.scores, model.trace(KINDS, 2).scores)


def test_a_row_may_be_a_mapping():
    model = untrained()
    assert model.trace(KINDS.row(5, named=True)).answer == model.trace(KINDS, 5).answer


def test_rows_neurons_and_weights_that_there_are_not_are_refused():
    trace = untrained(hidden=(2,)).trace(KINDS, 0)
    model = untrained()
    with pytest.raises(InputError, match=r"row 31.*1 to 30"):
        model.trace(KINDS, 30)
    with pytest.raises(InputError, match="row 0"):
        model.trace(KINDS, -1)
    with pytest.raises(InputError, match="layer 2"):
        trace.neuron(2, 0)
    with pytest.raises(InputError, match=r"0\.2.*0\.0 to 0\.1"):
        trace.neuron(0, 2)
    with pytest.raises(InputError, match="no input 2"):
        trace.weight(1, 0, 2)


def test_a_cell_that_cannot_be_read_is_named_by_its_row_in_the_table():
    broken = KINDS.with_columns(pl.col("length").cast(pl.String))
    broken[11, "length"] = "long"
    with pytest.raises(TableError, match="'length', row 12"):
        untrained().trace(broken, 11)


@given(models, rows)
def test_a_trace_as_json_has_the_same_numbers(model, row):
    trace = model.trace(KINDS, row)
    found = json.loads(json.dumps(trace.to_dict(), allow_nan=False))
    for layer, plain in zip(trace.layers, found["layers"], strict=True):
        assert np.array_equal(plain["products"], layer.products)
        assert np.array_equal(plain["weight_gradients"], layer.weight_gradients)
        assert np.array_equal(plain["W"], layer.W)
    assert found["truth"]["loss"] == trace.truth.loss
    neuron = trace.layers[0].neuron(0)
    assert json.loads(json.dumps(neuron.to_dict()))["z"] == neuron.z
