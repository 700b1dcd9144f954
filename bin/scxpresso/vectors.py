"""Vectors of 32 numbers of 32 bits, which a kernel keeps in registers (AVX2: four, AVX-512: two) while it loops.

A loop that writes to an array instead stores and loads its elements at every step, and whether it is vectorised at all is
the compiler's choice. Only for kernels: none of this works in plain Python.
"""

from typing import Any

from llvmlite import ir

from scxpresso.compiled import FMA, cgutils, intrinsic, models, register_model, types

WIDTH = 32


class Vector(types.Type):
    """Type of a vector of numbers of 32 bits: float32 or int32."""

    def __init__(self, number: Any):
        self.number = number
        super().__init__(f"Vector({number})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """A vector is one of LLVM's own."""

    def __init__(self, manager: Any, vector: Vector):
        number = manager.lookup(vector.number).get_value_type()
        super().__init__(manager, vector, ir.VectorType(number, WIDTH))


FLOATS, INTEGERS = Vector(types.float32), Vector(types.int32)


def _address(context: Any, builder: Any, array: Any, value: Any, offset: Any) -> tuple[Any, int]:
    """Pointer to the 32 numbers of a contiguous array from an offset on, and their alignment in bytes."""
    data = context.make_array(array)(context, builder, value).data
    vector = ir.VectorType(data.type.pointee, WIDTH)
    return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer()), array.dtype.bitwidth // 8


def _contiguous(array: Any, *numbers: Any) -> bool:
    """Whether the type of an array allows vectors of some numbers."""
    return isinstance(array, types.Array) and array.layout == "C" and array.dtype in numbers


@intrinsic
def fill(typing: Any, number: Any) -> Any:
    """The same number (float32 or int32) everywhere."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        empty = ir.Constant(ir.VectorType(values[0].type, WIDTH), ir.Undefined)
        first = builder.insert_element(empty, values[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH))

    return (Vector(number)(number), code) if number in (types.float32, types.int32) else None


@intrinsic
def load(typing: Any, array: Any, offset: Any) -> Any:
    """32 numbers of a C-contiguous array of float32, from an offset in numbers on. Nothing checks the array's end."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer, align = _address(context, builder, array, *values)
        return builder.load(pointer, align=align)

    return (FLOATS(array, types.intp), code) if _contiguous(array, types.float32) else None


@intrinsic
def store(typing: Any, array: Any, offset: Any, vector: Any) -> Any:
    """Write a vector to a C-contiguous array, from an offset in numbers on; integers may go to an array of uint16."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer, align = _address(context, builder, array, *values[:2])
        value = values[2]
        if array.dtype == types.uint16:
            value = builder.trunc(value, pointer.type.pointee)
        builder.store(value, pointer, align=align)
        return context.get_dummy_value()

    numbers = (types.float32,) if vector == FLOATS else (types.int32, types.uint16)
    return (types.void(array, types.intp, vector), code) if _contiguous(array, *numbers) else None


@intrinsic
def larger(typing: Any, one: Any, other: Any) -> Any:
    """The larger of two numbers, in each place."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *values), *values)

    return FLOATS(FLOATS, FLOATS), code


@intrinsic
def where_larger(typing: Any, one: Any, other: Any, yes: Any, no: Any) -> Any:
    """Integers: `yes` where one is larger than the other, else `no`."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *values[:2]), *values[2:])

    return INTEGERS(FLOATS, FLOATS, INTEGERS, INTEGERS), code


@intrinsic
def add(typing: Any, one: Any, other: Any) -> Any:
    """The sum of two numbers, in each place."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fadd(*values)

    return FLOATS(FLOATS, FLOATS), code


@intrinsic
def subtract(typing: Any, one: Any, other: Any) -> Any:
    """The first number less the second, in each place."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fsub(*values)

    return FLOATS(FLOATS, FLOATS), code


@intrinsic
def multiply_add(typing: Any, one: Any, other: Any, total: Any) -> Any:
    """one · other + total, rounded once where the processor can."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if not FMA:
            return builder.fadd(builder.fmul(*values[:2]), values[2])
        vector = values[0].type
        name = f"llvm.fma.v{WIDTH}f32"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
        return builder.call(fused, values)

    return FLOATS(FLOATS, FLOATS, FLOATS), code


@intrinsic
def different(typing: Any, one: Any, other: Any) -> Any:
    """A bit for each place where two vectors differ, the lowest for the first."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = builder.bitcast(builder.fcmp_unordered("!=", *values), ir.IntType(WIDTH))
        return builder.zext(bits, ir.IntType(64))

    return types.int64(FLOATS, FLOATS), code


@intrinsic
def lowest_bit(typing: Any, bits: Any) -> Any:
    """The number of the lowest bit that is set; some must be."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return (types.int64(bits), code) if bits == types.int64 else None
