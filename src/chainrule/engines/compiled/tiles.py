"""Small rectangles of numbers held in vector registers: what products and transposes are made of.

Numba's loops keep one vector of sums at a time, and then wait for it. A product is fast where some
twenty vectors of sums stay in registers while a row of B and a column of A go by: so these pieces
are written in LLVM's own terms, for vectors as wide as a register of AVX-512.

This module is imported when a kernel has to be compiled, and not where compiled ones are loaded.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from chainrule.engines.compiled.products import PAIRS, REGISTER

INTEGER, SHORT, BIT = ir.IntType(64), ir.IntType(32), ir.IntType(1)
i64 = types.int64


class Bfloat(ir.Type):
    """LLVM's bfloat16, which llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bfloat)

    def __hash__(self) -> int:
        return hash(Bfloat)


class _Vectors:
    """Vectors of a type of numbers, in a function that is being built."""

    def __init__(self, builder: Any, real: Any) -> None:
        self.builder = builder
        self.by_pairs = real == PAIRS
        real = np.float32 if self.by_pairs else real
        self.size = np.dtype(real).itemsize
        self.lanes = REGISTER // self.size
        self.scalar = ir.FloatType() if real is np.float32 else ir.DoubleType()
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.mask = ir.VectorType(BIT, self.lanes)
        self.counts = ir.VectorType(SHORT, self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)
        self.suffix = f"v{self.lanes}f{8 * self.size}"

    def whole(self, number: int) -> Any:
        return ir.Constant(INTEGER, number)

    def after(self, address: Any, count: int) -> Any:
        """The address of the vector that is `count` vectors on."""
        return self.builder.add(address, self.whole(count * REGISTER)) if count else address

    def spread(self, value: Any) -> Any:
        """A vector that has one value in every lane."""
        kind = ir.VectorType(value.type, self.lanes)
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(nothing, value, ir.Constant(SHORT, 0))
        return self.builder.shuffle_vector(
            first, nothing, ir.Constant(self.counts, [0] * self.lanes)
        )

    def below(self, count: Any) -> Any:
        """A mask of the lanes whose number is below `count`."""
        lanes = ir.Constant(self.counts, list(range(self.lanes)))
        limit = self.spread(self.builder.trunc(count, SHORT))
        return self.builder.icmp_signed("<", lanes, limit)

    def number(self, address: Any) -> Any:
        pointer = self.builder.inttoptr(address, self.scalar.as_pointer())
        return self.builder.load(pointer, align=self.size)

    def index(self, address: Any, kind: Any) -> Any:
        """The whole number of a type at an address."""
        width = 8 * np.dtype(kind).itemsize
        pointer = self.builder.inttoptr(address, ir.IntType(width).as_pointer())
        number = self.builder.load(pointer)
        return number if width == 64 else self.builder.sext(number, INTEGER)

    def load(self, address: Any, mask: Any = None) -> Any:
        """The vector at an address; with a mask its other lanes are 0, and not read."""
        pointer = self.builder.inttoptr(address, self.vector.as_pointer())
        if mask is None:
            return self.builder.load(pointer, align=self.size)
        kinds = [pointer.type, SHORT, self.mask, self.vector]
        align = ir.Constant(SHORT, self.size)
        return self._call(
            "masked.load", ".p0", self.vector, kinds, (pointer, align, mask, self.zero)
        )

    def store(self, value: Any, address: Any, mask: Any = None) -> None:
        pointer = self.builder.inttoptr(address, self.vector.as_pointer())
        if mask is None:
            self.builder.store(value, pointer, align=self.size)
            return
        kinds = [self.vector, pointer.type, SHORT, self.mask]
        align = ir.Constant(SHORT, self.size)
        self._call("masked.store", ".p0", ir.VoidType(), kinds, (value, pointer, align, mask))

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """c + a b; with pairs c + a[0] b[0] + a[1] b[1], each product exact and then added."""
        if self.by_pairs:
            pairs = ir.VectorType(Bfloat(), 2 * self.lanes)
            kind = ir.FunctionType(self.vector, [self.vector, pairs, pairs])
            name = "llvm.x86.avx512bf16.dpbf16ps.512"
            function = cgutils.get_or_insert_function(self.builder.module, kind, name)
            a, b = (self.builder.bitcast(value, pairs) for value in (a, b))
            return self.builder.call(function, (c, a, b))
        return self._call("fma", "", self.vector, [self.vector] * 3, (a, b, c))

    def prefetch(self, address: Any) -> None:
        """Send for the vector at an address, which will be written; nobody waits for it."""
        pointer = self.builder.inttoptr(address, ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, SHORT, SHORT, SHORT])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        write, stay, data = (ir.Constant(SHORT, number) for number in (1, 3, 1))
        self.builder.call(function, [pointer, write, stay, data])

    def _call(self, name: str, end: str, result: Any, kinds: list[Any], values: Any) -> Any:
        kind = ir.FunctionType(result, kinds)
        name = f"llvm.{name}.{self.suffix}{end}"
        return self.builder.call(
            cgutils.get_or_insert_function(self.builder.module, kind, name), values
        )


def tile(real: Any, rows: int, vectors: int, index: Any = None) -> Callable[..., Any]:
    """An intrinsic for a tile of C <- A B, or C + A B: so many rows, so many vectors wide.

    tile(A, a_row, a_step, B, b_step, C, c_row, k, columns, adds, chosen). Addresses, and distances
    between rows of C, rows of A, entries of a row of A and rows of B, in bytes; entries of a row of
    B and of C lie side by side. Of the last vector only the tile's first `columns` columns count.
    With a type `index`, B is made of rows chosen from a table: their numbers are at the address
    `chosen`.
    """

    @intrinsic
    def run(
        typing: Any, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, C: Any, c_row: Any,
        k: Any, columns: Any, adds: Any, chosen: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            A, a_row, a_step, B, b_step, C, c_row, k, columns, adds, chosen = values
            v = _Vectors(builder, real)
            last = v.below(builder.sub(columns, v.whole((vectors - 1) * v.lanes)))
            masks = [None] * (vectors - 1) + [last]
            C_rows = [C]
            for _ in range(rows - 1):
                C_rows.append(builder.add(C_rows[-1], c_row))
            places = [(v.after(row, i), masks[i]) for row in C_rows for i in range(vectors)]
            with builder.if_then(builder.icmp_signed("!=", adds, v.whole(0))):
                for at, _ in places:
                    v.prefetch(at)
            begin = [v.zero] * len(places)

            before = builder.basic_block
            loop, after = (builder.append_basic_block(name) for name in ("along_k", "after_k"))
            some = builder.icmp_signed(">", k, v.whole(0))
            builder.cbranch(some, loop, after)

            builder.position_at_end(loop)
            left, a_at, b_at = (builder.phi(INTEGER) for _ in range(3))
            sums = [builder.phi(v.vector) for _ in places]
            row, b_next = b_at, builder.add(b_at, b_step)
            if index:
                row = builder.add(B, builder.mul(v.index(b_at, index), b_step))
                b_next = builder.add(b_at, v.whole(np.dtype(index).itemsize))
            b = [v.load(v.after(row, i), masks[i]) for i in range(vectors)]
            ends, at = [], a_at
            for r in range(rows):
                a = v.spread(v.number(at))
                ends += [v.multiply_add(a, b[i], sums[r * vectors + i]) for i in range(vectors)]
                at = builder.add(at, a_row)
            fewer = builder.sub(left, v.whole(1))
            begins = (k, A, chosen if index else B, *begin)
            nexts = (fewer, builder.add(a_at, a_step), b_next, *ends)
            for phi, first, next_one in zip((left, a_at, b_at, *sums), begins, nexts, strict=True):
                phi.add_incoming(first, before)
                phi.add_incoming(next_one, loop)
            builder.cbranch(builder.icmp_signed(">", fewer, v.whole(0)), loop, after)

            builder.position_at_end(after)
            found = []
            for first, end in zip(begin, ends, strict=True):
                phi = builder.phi(v.vector)
                phi.add_incoming(first, before)
                phi.add_incoming(end, loop)
                found.append(phi)
            with builder.if_else(builder.icmp_signed("!=", adds, v.whole(0))) as (more, alone):
                with more:
                    for value, (at, mask) in zip(found, places, strict=True):
                        v.store(builder.fadd(v.load(at, mask), value), at, mask)
                with alone:
                    for value, (at, mask) in zip(found, places, strict=True):
                        v.store(value, at, mask)
            return context.get_dummy_value()

        return types.void(*(i64,) * 11), generate

    return run


def scaled_row(real: Any, vectors: int) -> Callable[..., Any]:
    """An intrinsic for out <- out + x row, of numbers that fill so many vectors, the last in part.

    add_scaled(x, row, out, columns): three addresses and a count.
    """

    @intrinsic
    def run(typing: Any, x: Any, row: Any, out: Any, columns: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            x, row, out, columns = values
            v = _Vectors(builder, real)
            a = v.spread(v.number(x))
            last = v.below(builder.sub(columns, v.whole((vectors - 1) * v.lanes)))
            for i in range(vectors):
                mask = last if i == vectors - 1 else None
                at = v.after(out, i)
                sums = v.multiply_add(a, v.load(v.after(row, i), mask), v.load(at, mask))
                v.store(sums, at, mask)
            return context.get_dummy_value()

        return types.void(*(i64,) * 4), generate

    return run


def turned_tile(real: Any) -> Callable[..., Any]:
    """An intrinsic that writes the transpose of a square as wide as a register.

    turn(A, a_row, out, out_row, rows, columns). Where A has fewer rows or columns than the square,
    no more are read or written.
    """

    @intrinsic
    def run(
        typing: Any, A: Any, a_row: Any, out: Any, out_row: Any, rows: Any, columns: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            A, a_row, out, out_row, rows, columns = values
            v = _Vectors(builder, real)
            nothing = ir.Constant(v.mask, [0] * v.lanes)

            def masks(rows: Any, columns: Any) -> list[Any]:
                """For each line of the square the mask of the numbers that it has."""
                mask = v.below(columns)
                there = [builder.icmp_signed("<", v.whole(i), rows) for i in range(v.lanes)]
                return [builder.select(is_there, mask, nothing) for is_there in there]

            lines, at = [], A
            for mask in masks(rows, columns):
                lines.append(v.load(at, mask))
                at = builder.add(at, a_row)
            apart = 1
            while apart < v.lanes:  # exchange quarters of squares of twice this width
                for i in range(v.lanes):
                    if i & apart:
                        continue
                    pair = lines[i], lines[i + apart]
                    here = [j if not j & apart else v.lanes + j - apart for j in range(v.lanes)]
                    there = [j + apart if not j & apart else v.lanes + j for j in range(v.lanes)]
                    lines[i], lines[i + apart] = (
                        builder.shuffle_vector(*pair, ir.Constant(v.counts, order))
                        for order in (here, there)
                    )
                apart *= 2
            at = out
            for line, mask in zip(lines, masks(columns, rows), strict=True):
                v.store(line, at, mask)
                at = builder.add(at, out_row)
            return context.get_dummy_value()

        return types.void(*(i64,) * 6), generate

    return run


def prefetch() -> Callable[..., Any]:
    """An intrinsic `prefetch(address)`: what is there comes to the cache; nobody waits for it."""

    @intrinsic
    def run(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer = builder.inttoptr(values[0], ir.IntType(8).as_pointer())
            kind = ir.FunctionType(ir.VoidType(), [pointer.type, SHORT, SHORT, SHORT])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            read, stay, data = (ir.Constant(SHORT, number) for number in (0, 3, 1))
            builder.call(function, [pointer, read, stay, data])
            return context.get_dummy_value()

        return types.void(i64), generate

    return run
