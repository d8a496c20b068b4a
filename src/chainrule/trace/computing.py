"""The computing of a trace: one row forward and back through the reference engine, in float64."""

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from chainrule.arrays import Floats, Targets
from chainrule.engines import reference
from chainrule.errors import InputError
from chainrule.losses import central_output, n_targets
from chainrule.network import Network, Parameters
from chainrule.table import TableEncoder, TargetEncoder, frame_of
from chainrule.table.cells import read_cells
from chainrule.trace.encoding import encoded_inputs
from chainrule.trace.loss_formulas import loss_terms
from chainrule.trace.neurons import LayerTrace, plain
from chainrule.trace.records import EncodedInput, Trace, Truth


def trace_row(
    encoder: TableEncoder,
    target: TargetEncoder,
    network: Network,
    parameters: Parameters,
    table: Any,
    row: int = 0,
) -> Trace:
    """The trace of one row of a table, backward too where the row has the target.

    Dropout is for training only and has no part in it; nor has the penalty on weights.

    Args:
        encoder: from columns to inputs.
        target: from the target to what the network learns, and back.
        network: the description.
        parameters: of any dtype; they are taken as float64.
        table: a data frame, or a mapping of columns to values for a single row.
        row: from 0.

    Raises:
        InputError: the table has no such row.
        TableError: a column is lacking, or holds what it did not hold in training.
    """
    frame = frame_with(table, row)
    inputs = encoded_inputs(encoder, frame, row)
    value, y = _truth(target, frame, row)
    return trace_inputs(target, network, parameters, inputs, value=value, y=y, row=row)


@np.errstate(over="ignore", invalid="ignore")  # what is infinite is shown as that
def trace_inputs(
    target: TargetEncoder,
    network: Network,
    parameters: Parameters,
    inputs: tuple[EncodedInput, ...],
    *,
    value: Any = None,
    y: Targets | None = None,
    row: int = 0,
) -> Trace:
    """The trace of a row whose inputs are known already.

    Args:
        target: from what the network learns back to the target.
        network: the description.
        parameters: of any dtype; they are taken as float64.
        inputs: d of them.
        value: the target as the user gave it; None if it is not known.
        y: the same as the network's loss takes it, of one row.
        row: its number, from 0.
    """
    parameters = parameters.astype(np.float64)
    x = np.array([[one.value for one in inputs]])
    passed = reference.forward(network, parameters, x)
    predictions = network.loss.link(passed.Z[-1])
    truth = gradient = deltas = None
    if y is not None:
        y = network.loss.checked(network.loss.as_targets(y), network.n_outputs)
        terms = loss_terms(network.loss, y, passed.Z[-1])
        truth = Truth(value, terms, float(network.loss.value(y, passed.Z[-1])[0]))
        gradient, deltas = reference.backward(network, parameters, passed, y)
    answers = _answers(target, predictions)
    return Trace(
        row=row,
        target=target,
        network=network,
        parameters=parameters,
        inputs=inputs,
        layers=_layers(network, parameters, passed, inputs, deltas),
        predictions=predictions[0],
        answer=_answer(target, network, answers),
        answers=answers,
        truth=truth,
        gradient=gradient,
    )


def frame_with(table: Any, row: int) -> nw.DataFrame[Any]:
    """The table as a data frame that has this row (from 0); a mapping of columns is a single row.

    Raises:
        InputError: the table has no such row; the message counts rows from 1.
    """
    if isinstance(table, Mapping):
        table = pl.DataFrame({str(name): [value] for name, value in table.items()})
    frame = frame_of(table)
    if not 0 <= row < len(frame):
        raise InputError(
            f"there is no row {row + 1}: the table has "
            + (f"the rows 1 to {len(frame):,}." if len(frame) else "no rows.")
        )
    return frame


def _truth(target: TargetEncoder, frame: nw.DataFrame[Any], row: int) -> tuple[Any, Targets | None]:
    """The target as the table has it, and encoded; None where it is not known."""
    if target.name not in frame.columns:
        return None, None
    at = np.array([row])
    cells = read_cells(frame[target.name], target.name, target.missing).take(at)
    speaks_of_numbers = target.label_type in ("integer", "float")
    if cells.is_missing[0] or (speaks_of_numbers and cells.numbers.tokens):
        return None, None
    y = target.encode(frame[target.name], at)
    if target.task == "regression":
        return float(cells.numbers.values[0]), y
    return target.decode(y).tolist()[0], y


def _layers(
    network: Network,
    parameters: Parameters,
    passed: reference.Passed,
    inputs: tuple[EncodedInput, ...],
    deltas: list[Floats] | None,
) -> tuple[LayerTrace, ...]:
    layers: list[LayerTrace] = []
    names = tuple(one.name for one in inputs)
    last = len(network.layers) - 1
    for l, layer in enumerate(network.layers):
        z, a = passed.Z[l][0], passed.A[l + 1][0]
        W_next = delta_next = fed_back = None
        if deltas is not None and l < last:
            W_next, delta_next = parameters.W[l + 1], deltas[l + 1][0]
            fed_back = (deltas[l + 1] @ W_next.T)[0]
        elif deltas is not None:
            fed_back = deltas[l][0]
        layers.append(
            LayerTrace(
                index=l,
                activation=layer.activation.name,
                input_names=names,
                x=passed.A[l][0],
                W=parameters.W[l],
                b=parameters.b[l],
                z=z,
                a=a,
                slope=layer.activation.derivative(z, a),
                fed_back=fed_back,
                delta=None if deltas is None else deltas[l][0],
                W_next=W_next,
                delta_next=delta_next,
            )
        )
        names = layers[-1].names
    return tuple(layers)


def _answers(target: TargetEncoder, predictions: Floats) -> Floats:
    """The probability of each class, or the number of each output in the target's unit."""
    if target.task == "regression":
        return target.decode(predictions)[0]
    if predictions.shape[1] == 1:
        return np.array([1 - predictions[0, 0], predictions[0, 0]])
    return predictions[0]


def _answer(target: TargetEncoder, network: Network, answers: Floats) -> Any:
    """One class or number, or a list of them where each output answers for itself."""
    if n_targets(network.loss, network.n_outputs) > 1:
        return plain(answers > 0.5 if target.task == "classification" else answers)
    if target.task == "classification":
        return target.decode(np.array([int(np.argmax(answers))])).tolist()[0]
    return float(answers[central_output(network.loss)])
