"""The trace: one row of a table, and every number that a model makes of it, with its name.

    trace = model.trace(table, row=16)
    trace.neuron(0, 2).products         weight times input, one by one
    trace.weight(1, 0, 2).gradient      delta times input

Everything is computed in float64 by the reference engine, from the parameters as they are stored.
Layers, neurons and inputs are counted from 0, as in the formulas.
"""

from chainrule.trace.computing import trace_inputs, trace_row
from chainrule.trace.neurons import LayerTrace, Neuron, WeightTrace
from chainrule.trace.records import EncodedInput, Trace, Truth
from chainrule.trace.steps import Step, take_step

__all__ = [
    "EncodedInput",
    "LayerTrace",
    "Neuron",
    "Step",
    "Trace",
    "Truth",
    "WeightTrace",
    "take_step",
    "trace_inputs",
    "trace_row",
]
