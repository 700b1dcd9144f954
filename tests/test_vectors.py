"""Vectors of kernels: what numpy gives."""

import numpy as np
import pytest

from scxpresso.compiled import FMA, numba
from scxpresso.memory import LINE, aligned
from scxpresso.vectors import (
    WIDTH,
    add,
    different,
    fill,
    larger,
    load,
    lowest_bit,
    multiply_add,
    store,
    subtract,
    where_larger,
)


@numba.njit
def largest_of_two(numbers, value, which):
    one, other = load(numbers, 1), load(numbers, 1 + WIDTH)
    store(value, 3, larger(one, other))
    store(which, 3, where_larger(one, other, fill(np.int32(65535)), fill(np.int32(2))))


@numba.njit
def product(numbers, total):
    store(total, 0, multiply_add(fill(np.float32(2)), load(numbers, 1), load(total, 0)))


@numba.njit
def same_product(numbers, total):
    """Add a product that is the same at every step."""
    for _ in range(3):
        store(total, 0, multiply_add(load(numbers, 1), load(numbers, 1 + WIDTH), load(total, 0)))


@numba.njit
def sum_and_difference(numbers, total, difference):
    store(total, 0, add(load(numbers, 1), load(numbers, 1 + WIDTH)))
    store(difference, 0, subtract(load(numbers, 1), load(numbers, 1 + WIDTH)))


@numba.njit
def places_that_differ(numbers):
    bits, places = different(load(numbers, 1), load(numbers, 1 + WIDTH)), []
    while bits:
        places.append(lowest_bit(bits))
        bits &= bits - 1
    return places


@pytest.fixture
def numbers():
    return np.random.default_rng(1).integers(-3, 4, 1 + 2 * WIDTH).astype(np.float32)


@pytest.mark.parametrize("integers", [np.uint16, np.int32])
def test_the_larger_of_two_and_which_it_is(numbers, integers):
    value, which = np.zeros(WIDTH + 4, dtype=np.float32), np.zeros(WIDTH + 4, dtype=integers)
    largest_of_two(numbers, value, which)
    one, other = numbers[1 : WIDTH + 1], numbers[WIDTH + 1 :]
    assert value.tolist() == [0, 0, 0, *np.maximum(one, other), 0]
    assert which.tolist() == [0, 0, 0, *np.where(one > other, 65535, 2), 0]  # equal ones count as the second


def test_products_are_added(numbers):
    total = np.arange(WIDTH, dtype=np.float32)
    product(numbers, total)
    assert total.tolist() == (np.arange(WIDTH) + 2 * numbers[1 : WIDTH + 1]).tolist()


@pytest.mark.skipif(not FMA, reason="this processor rounds twice")
def test_a_product_is_not_rounded_before_it_is_added():
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=1 + 2 * WIDTH).astype(np.float32)
    total = rng.normal(size=WIDTH).astype(np.float32)
    expected, exact = total.copy(), numbers[1 : WIDTH + 1].astype(np.float64) * numbers[WIDTH + 1 :]
    for _ in range(3):
        expected = (exact + expected).astype(np.float32)
    same_product(numbers, total)
    assert total.tolist() == expected.tolist()


def test_sums_and_differences(numbers):
    total, difference = np.zeros((2, WIDTH), dtype=np.float32)
    sum_and_difference(numbers, total, difference)
    assert total.tolist() == (numbers[1 : WIDTH + 1] + numbers[WIDTH + 1 :]).tolist()
    assert difference.tolist() == (numbers[1 : WIDTH + 1] - numbers[WIDTH + 1 :]).tolist()


def test_places_that_differ(numbers):
    numbers[WIDTH], numbers[2 * WIDTH] = 1, 2  # the last one does
    assert places_that_differ(numbers) == np.flatnonzero(numbers[1 : WIDTH + 1] != numbers[WIDTH + 1 :]).tolist()


def test_an_aligned_array_begins_with_a_line_of_the_cache():
    array = aligned((3, 5), np.int16)
    assert (array.shape, array.dtype, array.ctypes.data % LINE) == ((3, 5), np.int16, 0)


@pytest.mark.parametrize("wrong", [np.zeros(100), np.zeros(200, dtype=np.float32)[::2]], ids=["float64", "strided"])
def test_other_arrays_are_errors(wrong):
    with pytest.raises(numba.TypingError):
        product(wrong, np.zeros(WIDTH, dtype=np.float32))
