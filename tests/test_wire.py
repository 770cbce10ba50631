"""Values cross the wire unchanged, and nothing that is no value crosses at all."""

import math
import socket
import struct
import threading

import msgpack
import numpy as np
import pytest
import torch

from autograder import frames, wire


def send_and_receive(value, in_turn=False):
    encoder = wire.Encoder()
    message = [encoder.encode(value)]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=frames.send, args=(ours, message, encoder.buffers))
        sender.start()
        message, buffers = frames.receive(theirs, in_turn=in_turn)
        sender.join()
    return wire.Decoder(buffers).decode(message[0])


PLAIN = [
    None, True, 0, -1, 2**63 - 1, 2**70, -(2**200), 1.5, math.inf, 2 - 3j, "text", "ä" * 10_000, b"bytes", b"b" * 9999,
    ..., (), (1, (2, "x")), [1, [None]], {"a": [1], (1, 2): "b", 3.5: {}}, {1, 2}, frozenset("ab"),
    slice(1, None, 2), range(2, 10, 3), np.dtype("float32"), np.float32, float, int, torch.float16,
    torch.device("cpu"),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_plain_values_come_back_equal_and_of_the_same_type(value):
    back = send_and_receive(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value", [np.float32(1.5), np.int8(-3), np.bool_(True), np.str_("ab"), np.complex64(1j)]
)
def test_numpy_scalars_keep_their_type(value):
    back = send_and_receive(value)
    assert back == value
    assert type(back) is type(value)


def test_an_object_whose_type_cannot_be_hashed_travels_as_any_other():
    class Kind(type):
        __eq__ = type.__eq__  # Python takes the hash away where only this is defined

    class Odd(metaclass=Kind):
        pass

    encoder = wire.Encoder(lambda value: ["handle", 1])
    assert encoder.encode([Odd(), 1.5]) == ["list", [["handle", 1], 1.5]]


BASE = np.arange(120.0).reshape(2, 3, 4, 5)
ARRAYS = {
    "plain": BASE,
    "transposed": BASE.T,
    "Fortran order": np.asfortranarray(BASE),
    "reversed": BASE[:, ::-1],
    "every second": BASE[..., ::2],
    "part of each row": BASE[..., :3],
    "broadcast": np.broadcast_to(BASE[0], (7, 3, 4, 5)),
    "no axes": np.array(3.0),
    "empty": np.zeros((0, 3)),
    "integers": np.arange(3, dtype=">i2"),
    "truth values": BASE > 3,
    "texts": np.array(["ab", "cde"]),
    "imaginary part": (BASE * 1j).imag,
    "one column of many": np.zeros((500, 1000))[:, 3],
    "windows": np.lib.stride_tricks.sliding_window_view(np.arange(9.0), 3),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_keep_values_type_and_layout(name):
    array = ARRAYS[name]
    back = send_and_receive(array)
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert back.flags.c_contiguous == array.flags.c_contiguous
    assert back.flags.f_contiguous == array.flags.f_contiguous
    assert back.flags.writeable == array.flags.writeable


def test_the_strides_themselves_are_kept_where_memory_allows():
    for name in ("transposed", "reversed", "part of each row", "broadcast"):
        assert send_and_receive(ARRAYS[name]).strides == ARRAYS[name].strides, name


TENSOR = torch.arange(120.0).reshape(2, 3, 4, 5)
TENSORS = {
    "plain": TENSOR,
    "transposed": TENSOR.transpose(1, 3),
    "channels last": TENSOR.to(memory_format=torch.channels_last),
    "expanded": TENSOR[:, :, :, :1].expand(2, 3, 4, 9),
    "half": TENSOR.to(torch.bfloat16),
    "truth values": TENSOR > 3,
    "complex conjugate": (torch.ones(3) * 1j).conj(),
    "no axes": torch.tensor(3),
    "empty": torch.zeros(0, 2),
    "wants a gradient": torch.ones(2, requires_grad=True),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_keep_values_type_and_layout(name):
    tensor = TENSORS[name]
    back = send_and_receive(tensor)
    assert (back.dtype, back.shape, back.requires_grad) == (tensor.dtype, tensor.shape, tensor.requires_grad)
    assert torch.equal(back, tensor)
    assert back.is_contiguous() == tensor.is_contiguous()
    if name in ("transposed", "channels last", "expanded"):
        assert back.stride() == tensor.stride()


def test_parameters_sizes_and_named_tuples_become_plain_values():
    assert type(send_and_receive(torch.nn.Parameter(torch.ones(2)))) is torch.Tensor
    assert send_and_receive(torch.Size([2, 3])) == (2, 3)
    assert type(send_and_receive(torch.ones(2, 3).max(dim=0))) is tuple


def test_subclasses_lose_their_tricks():
    class Equal(dict):
        def __eq__(self, other):
            return True

        __hash__ = None

    back = send_and_receive(Equal(a=1))
    assert type(back) is dict
    assert back != {"a": 2}


@pytest.mark.parametrize(
    "value",
    [
        object(),
        len,
        np.array([object()]),
        np.ma.array([1]),
        np.datetime64("now"),
        type,
        torch.ones(2).to_sparse(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_value_does_not_cross(value):
    with pytest.raises(wire.WireError):
        wire.Encoder().encode(value)


def test_a_list_that_contains_itself_does_not_cross():
    endless: list = []
    endless.append(endless)
    with pytest.raises(wire.WireError, match="nested too deeply"):
        wire.Encoder().encode(endless)


def decode(item, *buffers):
    return wire.Decoder([memoryview(buffer) for buffer in buffers]).decode(item)


EIGHT = bytes(8)
HOSTILE = {
    "an object array": (["array", "|O", [1], None, True, 0], EIGHT),
    "a record": (["array", "V8", [1], None, True, 0], EIGHT),
    "a shape larger than its bytes": (["array", "<f8", [2**40], None, True, 0], EIGHT),
    "a negative size": (["array", "<f8", [-1, -1], None, True, 0], EIGHT),
    "sizes whose product overflows": (["array", "<f8", [2**32, 2**32, 0, 2**32], [1, 1, 1, 1], True, 0], b""),
    "strides beyond the memory": (["array", "<f8", [2], [10**9], True, 0], EIGHT * 2),
    "strides of the wrong number": (["array", "<f8", [2], [1, 1], True, 0], EIGHT * 2),
    "strides that are no numbers": (["array", "<f8", [2], ["x"], True, 0], EIGHT * 2),
    "a buffer that is not there": (["array", "<f8", [1], None, True, 3], EIGHT),
    "a truth value of 7": (["array", "|b1", [1], None, True, 0], b"\x07"),
    "a tensor's truth value of 7": (["tensor", "bool", [1], None, False, "cpu", 0], b"\x07"),
    "a character that does not exist": (["array", "<U1", [1], None, True, 0], b"\xff\xff\xff\x7f"),
    "an unknown kind of tensor": (["tensor", "qint8", [8], None, False, "cpu", 0], EIGHT),
    "a tensor before its memory": (["tensor", "float32", [2], [-1], False, "cpu", 0], EIGHT),
    "a device with a command": (["device", "cuda; rm -rf /"],),
    "text that is no text": (["text", 0], b"\xff\xfe\xfd"),
    "a number without end": (["int", b"x" * 100_000],),
    "an unhashable key": (["dict", [["list", []], 1]],),
    "half a pair": (["dict", [1]],),
    "a dict with too many keys": (["dict", list(range(2 * wire.MAX_KEYS + 2))],),
    "a set with too many items": (["set", list(range(wire.MAX_KEYS + 1))],),
    "an unknown tag": (["pickle", b"cos\nsystem\n(S'true'\ntR."],),
    "a handle where values are expected": (["handle", 1, "function", "f"],),
    "a missing field": (["array", "<f8"],),
    "a bare list": ([[1, 2]],),
    "a bare dict": ({"a": 1},),
    "a range without step": (["range", [0, 1, 0]],),
    "a type that is no type": (["numpy type", "load"],),
    "a type by a dunder": (["type", "__import__"],),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_is_refused(name):
    with pytest.raises(wire.WireError):
        decode(*HOSTILE[name])


def test_nesting_is_bounded_for_the_receiver():
    item: list = ["list", []]
    for _ in range(200):
        item = ["list", [item]]
    with pytest.raises(wire.WireError):
        decode(item)


def header(size, body, magic=b"crs1"):
    return struct.pack("<4sIQ", magic, size, body)


def nested(depth):
    return b"\x91" * depth + b"\xc0"


BAD_FRAMES = {
    "another protocol": b"GET / HTTP/1.1\r\n\r\n",
    "a header larger than allowed": header(2**31, 0),
    "a body larger than allowed": header(2, 2**60) + b"\x92\x90\x90",
    "no msgpack": header(4, 0) + b"\xc1\xc1\xc1\xc1",
    "deep nesting": header(100_001, 0) + nested(100_000),
    "more items than bytes": header(5, 0) + b"\xdd\xff\xff\xff\xff",
    "a dict with a list for a key": header(3, 0) + b"\x81\x90\x01",
    "another form": header(1, 0) + b"\x05",
    "sizes that do not add up": header(5, 4) + msgpack.packb([["x"], [3]]) + bytes(4),
    "negative sizes": header(6, 0) + msgpack.packb([["x"], [1, -1]]),
    "the end in the middle": header(100, 0) + b"\x92",
}


@pytest.mark.parametrize("in_turn", [False, True])
@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_is_refused(name, in_turn):
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            writer = threading.Thread(target=_write, args=(ours, BAD_FRAMES[name]))
            writer.start()
            writer.join()
        with pytest.raises(wire.WireError):
            frames.receive(theirs, in_turn=in_turn)


def test_of_two_frames_the_first_is_read_alone_or_where_only_one_is_due_both_are_refused():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for name in ("first", "second"):
            frames.send(ours, [name], [b"bytes"])
        for name in ("first", "second"):
            message, buffers = frames.receive(theirs)
            assert (message, [bytes(b) for b in buffers]) == ([name], [b"bytes"])
            frames.send(ours, [name])
        with pytest.raises(wire.WireError, match="more than one message"):
            frames.receive(theirs, in_turn=True)


@pytest.mark.parametrize("size", [0, 100, 2**14, 2**20 + 1, 5 * 2**20])
def test_frames_of_every_size_are_read_in_turn(size):
    array = np.arange(size, dtype=np.uint8)
    assert np.array_equal(send_and_receive([array, "text"], in_turn=True)[0], array)


def _write(sock, data):
    sock.sendall(data)


def test_announced_sizes_take_no_memory_and_a_deadline_holds():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(header(9, 2**27) + b"\x92")
        with pytest.raises(TimeoutError):
            frames.receive(theirs, deadline=0.0)


def test_too_large_a_message_is_not_sent():
    with pytest.raises(wire.WireError, match="too large"), socket.socket() as sock:
        frames.send(sock, [], [bytes(2**20)] * 257)


def test_changes_of_arguments_are_found_and_copied_back():
    array, tensor = np.ones((3, 2)), torch.zeros(3)
    encoder = wire.Encoder()
    item = encoder.encode([array, {"t": tensor}])
    decoder = wire.Decoder([memoryview(bytes(buffer)) for buffer in encoder.buffers])
    (got, inner) = decoder.decode(item)
    assert not any(wire.is_changed(*pair) for pair in decoder.arrays)
    got[1, 1] = math.nan
    inner["t"][2] = -0.0
    assert [wire.is_changed(*pair) for pair in decoder.arrays] == [True, True]
    for target, (source, _) in zip(encoder.arrays, decoder.arrays, strict=True):
        wire.copy_into(target, source)
    assert math.isnan(array[1, 1])
    assert math.copysign(1, tensor[2]) == -1


def test_only_the_same_shape_and_dtype_is_copied_back():
    for other in (np.ones(3), np.ones((2, 2), "f4"), torch.ones(2, 2)):
        with pytest.raises(wire.WireError):
            wire.copy_into(np.ones((2, 2)), other)


def test_text_from_anywhere_becomes_text_for_a_file():
    assert frames.clean_text("a\ud800b").encode()
    assert len(frames.clean_text("x" * 10_000, 100)) < 110
