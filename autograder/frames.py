"""Messages over a socket: a small msgpack header, then raw bytes; the receiver trusts no announced length."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence

import msgpack

MAX_FRAME_BYTES = 64 * 2**20  # arrays and texts of one message
MAX_HEADER_BYTES = 4 * 2**20  # bounds what millions of tiny objects can cost the receiver

_PREFIX = struct.Struct("<4sIQ")  # magic, bytes of the header, bytes of the buffers
_MAGIC = b"crs1"
_CHUNK_BYTES = 2**20
_AT_ONCE_BYTES = 2**14  # most messages are smaller

Buffer = bytes | bytearray | memoryview


class WireError(Exception):
    """A value cannot cross, or the bytes that arrived are not a message."""


class Closed(WireError):
    """The other side has gone."""


def clean_text(value: object, limit: int = 4096) -> str:
    """Text that any file can hold: no lone surrogates, at most `limit` characters."""
    text = value if type(value) is str else "?"
    if len(text) > limit:
        text = text[:limit] + " …"
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def send(
    sock: socket.socket, message: list, buffers: Sequence[Buffer] = (), deadline: float | None = None
) -> None:
    """Write one frame.

    Args:
        deadline: on `time.monotonic()`'s clock, for the other side to read it; None waits for ever.

    Raises:
        WireError: the frame is too large. TimeoutError: not read in time. OSError: from the socket.
    """
    sizes = [len(buffer) for buffer in buffers]
    header = msgpack.packb([message, sizes])
    body_size = sum(sizes)
    if len(header) > MAX_HEADER_BYTES or body_size > MAX_FRAME_BYTES:
        raise WireError(f"too large to hand over: more than {MAX_FRAME_BYTES >> 20} MB, or too many objects")
    parts: Sequence[Buffer] = (_PREFIX.pack(_MAGIC, len(header), body_size) + header, *buffers)
    if body_size <= _CHUNK_BYTES:  # nearly always; each call to the kernel has its price
        parts = (b"".join(parts),)
    for part in parts:
        _set_time_left(sock, deadline)
        sock.sendall(part)


def receive(
    sock: socket.socket,
    deadline: float | None = None,
    max_bytes: int = MAX_FRAME_BYTES,
    in_turn: bool = False,
) -> tuple[list, list[memoryview]]:
    """Read one frame: the message and its buffers, nothing of it decoded yet.

    Args:
        deadline: on `time.monotonic()`'s clock; None waits for ever.
        max_bytes: of the buffers, so that a flood is refused before it takes memory.
        in_turn: the other side sends nothing behind this frame before it has an answer, so that all that
            has arrived may be read at once; more than one frame is refused.

    Raises:
        Closed: the other side has gone. WireError: what came is not a frame. TimeoutError: not in time.
    """
    data = bytearray()
    at_least = _AT_ONCE_BYTES if in_turn else 0
    _read(sock, data, _PREFIX.size, at_least, deadline)
    magic, header_size, body_size = _PREFIX.unpack_from(data)
    if magic != _MAGIC or header_size > MAX_HEADER_BYTES or body_size > max_bytes:
        raise WireError("what arrived is not a message, or too large")
    body_start = _PREFIX.size + header_size
    _read(sock, data, body_start + body_size, at_least, deadline)
    if len(data) > body_start + body_size:
        raise WireError("more than one message arrived at once")
    frame_bytes = memoryview(data)
    try:
        frame = msgpack.unpackb(frame_bytes[_PREFIX.size : body_start], strict_map_key=True)
    except (ValueError, TypeError, RecursionError, OverflowError, msgpack.UnpackException) as error:
        raise WireError("the header of a message cannot be read") from error
    if not (type(frame) is list and len(frame) == 2 and type(frame[0]) is list and type(frame[1]) is list):
        raise WireError("the header of a message has another form")
    message, sizes = frame
    if any(type(size) is not int or size < 0 for size in sizes) or sum(sizes) != body_size:
        raise WireError("the sizes of a message do not add up")
    buffers, start = [], body_start
    for size in sizes:
        buffers.append(frame_bytes[start : start + size])
        start += size
    return message, buffers


def _read(sock: socket.socket, data: bytearray, size: int, at_least: int, deadline: float | None) -> None:
    """Read until there are `size` bytes, asking for `at_least` so many at a time.

    Memory grows with what really arrives, not with what was announced.
    """
    while len(data) < size:
        _set_time_left(sock, deadline)
        try:
            chunk = sock.recv(min(_CHUNK_BYTES, max(at_least, size - len(data))))
        except ConnectionError as error:
            raise Closed("the connection broke") from error
        if not chunk:
            raise Closed("the connection was closed")
        data += chunk


def _set_time_left(sock: socket.socket, deadline: float | None) -> None:
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        raise TimeoutError
    sock.settimeout(left)
