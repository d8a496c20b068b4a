"""The definitions of what `machine.py` names, for Numba to compile.

This module is imported when a kernel has to be compiled, and not where compiled ones are loaded.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

INTEGER, REAL64 = ir.IntType(64), ir.DoubleType()


def _called(returns: Any) -> Callable[..., Any]:
    """An intrinsic `call(address, arguments)` of functions that give back `returns`."""

    @intrinsic(prefer_literal=False)
    def call(typing: Any, address: Any, arguments: Any) -> Any:
        kinds = [REAL64 if isinstance(kind, types.Float) else INTEGER for kind in arguments]

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            target, given = values
            result = ir.VoidType() if returns is types.void else REAL64
            function = ir.FunctionType(result, kinds).as_pointer()
            cast = [
                builder.sext(value, INTEGER)
                if isinstance(value.type, ir.IntType) and value.type.width < 64
                else value
                for value in cgutils.unpack_tuple(builder, given)
            ]
            found = builder.call(builder.inttoptr(target, function), cast)
            return context.get_dummy_value() if returns is types.void else found

        return returns(types.int64, arguments), generate

    return call


call = _called(types.void)
"""`call(address, (a, b, ...))`: a kernel without a result."""

call_for_number = _called(types.float64)
"""The same for a kernel that gives a float64."""


def _product(real: Any) -> Callable[..., Any]:
    """An intrinsic for row-major C <- op(A) op(B) + beta C by a Fortran gemm."""
    llvm_real = ir.FloatType() if real == types.float32 else REAL64
    i64 = types.int64

    @intrinsic(prefer_literal=False)
    def gemm(
        typing: Any, address: Any, ta: Any, tb: Any, m: Any, n: Any, k: Any, A: Any, lda: Any,
        B: Any, ldb: Any, beta: Any, C: Any, ldc: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            address, ta, tb, m, n, k, A, lda, B, ldb, beta, C, ldc = values

            def by_reference(value: Any) -> Any:
                slot = cgutils.alloca_once(builder, value.type)
                builder.store(value, slot)
                return builder.ptrtoint(slot, INTEGER)

            def count(value: Any) -> Any:
                return by_reference(builder.trunc(value, ir.IntType(32)))

            def flag(value: Any) -> Any:
                n, t = (ir.Constant(ir.IntType(8), ord(letter)) for letter in "NT")
                yes = builder.icmp_signed("!=", value, ir.Constant(INTEGER, 0))
                return by_reference(builder.select(yes, t, n))

            def number(value: Any) -> Any:
                return by_reference(builder.sitofp(value, llvm_real))

            # Fortran reads our rows as its columns, and so computes C' = op(B)' op(A)'
            arguments = [
                flag(tb), flag(ta), count(n), count(m), count(k),
                number(ir.Constant(INTEGER, 1)), B, count(ldb), A, count(lda),
                number(beta), C, count(ldc),
            ]  # fmt: skip
            function = ir.FunctionType(ir.VoidType(), [INTEGER] * len(arguments)).as_pointer()
            builder.call(builder.inttoptr(address, function), arguments)
            return context.get_dummy_value()

        return types.void(*(i64,) * 13), generate

    return gemm


gemm32 = _product(types.float32)
"""`gemm32(address, ta, tb, m, n, k, A, lda, B, ldb, beta, C, ldc)`, all whole numbers."""

gemm64 = _product(types.float64)


def _peeked(kind: Any, llvm: Any) -> Callable[..., Any]:
    """An intrinsic that reads entry `index` of a table of 8-byte numbers at an address."""

    @intrinsic
    def peek(typing: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer = builder.inttoptr(values[0], llvm.as_pointer())
            return builder.load(builder.gep(pointer, [values[1]]))

        return kind(types.int64, types.int64), generate

    return peek


peek = _peeked(types.int64, INTEGER)
"""`peek(address, index)`: a whole number of a table."""

peek_real = _peeked(types.float64, REAL64)
"""The same for a float64."""


@intrinsic
def poke_real(typing: Any, address: Any, index: Any, value: Any) -> Any:
    """Write a float64 to entry `index` of a table."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], REAL64.as_pointer())
        builder.store(values[2], builder.gep(pointer, [values[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.float64), generate


def pointer_to(kind: Any) -> Callable[..., Any]:
    """An intrinsic `pointer(address)`: a pointer to numbers of that NumPy type."""
    pointer: Any = types.CPointer(from_dtype(kind))  # type: ignore[attr-defined]

    @intrinsic
    def point(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], context.get_value_type(pointer))

        return pointer(types.int64), generate

    return point


@intrinsic
def power_of_two(typing: Any, shifted: Any) -> Any:
    """2^n from n + `exponent_shift`: the low bits of the sum are the exponent field of 2^n."""
    width, fraction = {types.float32: (32, 23), types.float64: (64, 52)}[shifted]

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = builder.bitcast(values[0], ir.IntType(width))
        exponent = builder.shl(bits, ir.Constant(ir.IntType(width), fraction))
        return builder.bitcast(exponent, values[0].type)

    return shifted(shifted), generate


@intrinsic
def atomic_add(typing: Any, address: Any, amount: Any) -> Any:
    """Add to the int64 at an address, in order with all else; the value before."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], INTEGER.as_pointer())
        return builder.atomic_rmw("add", pointer, values[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def atomic_load(typing: Any, address: Any) -> Any:
    """The int64 at an address, as other threads left it."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], INTEGER.as_pointer())
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.int64), generate
