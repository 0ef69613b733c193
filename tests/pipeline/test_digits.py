import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from digit_recognizer.pipeline.digits import parse_block


def spell(values):
    return "".join(",".join(map(str, row)) + "\n" for row in values.tolist()).encode()


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=8)))
def test_what_was_spelled_is_read_back(values):
    parsed = parse_block(spell(values), values.shape[1])
    assert parsed.dtype == np.uint8
    np.testing.assert_array_equal(parsed, values)


def test_every_number_of_up_to_three_digits_is_read_or_refused():
    for number in range(1000):
        for text in {str(number), f"{number:02d}", f"{number:03d}"}:
            parsed = parse_block(f"255,{text},{text}\n0,9,10\n".encode(), 3)
            if number > 255:
                assert parsed is None
            else:
                assert parsed.tolist() == [[255, number, number], [0, 9, 10]]


@pytest.mark.parametrize(
    "block",
    [
        b"1,-2\n",
        b"1,2.5\n",
        b"1,5.0\n",
        b"1,+2\n",
        b"1,1e2\n",
        b"1, 2\n",
        b'1,"2"\n',
        b"1,a\n",
        b"1,\n",
        b",1\n",
        b"1,2\n\n3,4\n",
        b"\n1,2\n",
        b"1,2\r\n",
        b"1,2\x00\n",
        b"1,\xff\n",
        b"1,0007\n",
        b"1,1000\n",
        b"1\n",
        b"1,2,3\n",
        b"1\n1,2,3\n",
        b"1,2,3\n1\n",
    ],
)
def test_anything_else_is_refused(block):
    assert parse_block(block, 2) is None


@given(st.lists(st.sampled_from(["0", "7", "42", "255", "256", "999", "0007", "", "-1", ",", "\n"])))
def test_it_accepts_exactly_the_strict_form(texts):
    block = ",".join(texts).encode() + b"\n"
    rows = [line.split(b",") for line in block.split(b"\n")[:-1]]
    is_strict = all(
        len(row) == 3 and all(text.isdigit() and len(text) < 4 and int(text) < 256 for text in row)
        for row in rows
    )
    parsed = parse_block(block, 3)
    if is_strict:
        assert parsed.tolist() == [[int(text) for text in row] for row in rows]
    else:
        assert parsed is None
