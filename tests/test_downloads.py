"""Downloads: from a server on this machine that breaks off, lies and refuses; and what becomes of CIFAR-10."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import socket
import tarfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from utils import datasets, downloads, published
from utils.downloads import DownloadError, RemoteFile, fetch

CONTENT = np.random.default_rng(0).bytes(300_000)


@dataclass
class Server:
    """What the server sends, and what it was asked."""

    content: bytes = CONTENT
    with_ranges: bool = True
    break_after: list[int] = field(default_factory=list)  # bytes of the body, one number for each next answer
    status: int = 0  # of every answer, if not 0
    announce: bool = True  # the length of the body
    ranges: list[str] = field(default_factory=list)  # the headers "Range" that came, "" where there was none
    address: str = ""

    def file(self, **changes: object) -> RemoteFile:
        """The file as it should be, whatever the server sends."""
        sha256 = hashlib.sha256(CONTENT).hexdigest()
        return replace(RemoteFile(self.address, "file.bin", len(CONTENT), sha256), **changes)


@pytest.fixture
def server() -> Iterator[Server]:
    said = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            said.ranges.append(wanted)
            if said.status:
                self.send_error(said.status)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and said.with_ranges else 0
            if start >= len(said.content) and start:
                self.send_error(416)
                return
            body = said.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(said.content) - 1}/{len(said.content)}"
                )
            if said.announce:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # the other side may hang up when it has seen enough
                self.wfile.write(body[: said.break_after.pop(0)] if said.break_after else body)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    said.address = f"http://127.0.0.1:{running.server_address[1]}/file.bin"
    yield said
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"file.bin.lock"}


def test_complete(server, tmp_path):
    path = fetch(server.file(), tmp_path / "new" / "folder")
    assert path.read_bytes() == CONTENT
    assert files_in(path.parent) == {"file.bin"}


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    fetch(server.file(), tmp_path)
    fetch(server.file(), tmp_path)
    assert server.ranges == [""]


def test_what_is_there_and_damaged_is_fetched_again(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(CONTENT[:-1] + b"?")
    assert fetch(server.file(), tmp_path).read_bytes() == CONTENT


def test_goes_on_within_one_call_where_the_connection_broke_off(server, tmp_path):
    server.break_after = [100_000, 50_000]
    assert fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=100000-", "bytes=150000-"]


def test_goes_on_in_the_next_call(server, tmp_path):
    server.break_after = [100_000, 0]
    with pytest.raises(DownloadError, match="100000 bytes are kept"):
        fetch(server.file(), tmp_path)
    assert files_in(tmp_path) == {"file.bin.part"}
    assert fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=100000-"
    assert files_in(tmp_path) == {"file.bin"}


def test_server_without_ranges_starts_again(server, tmp_path):
    server.with_ranges = False
    server.break_after = [100_000]
    assert fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=100000-"]


def test_a_connection_that_always_breaks_ends(server, tmp_path):
    server.break_after = [1000] * 100
    with pytest.raises(DownloadError, match="again and again"):
        fetch(server.file(), tmp_path)
    assert len(server.ranges) < 20


def test_corrupted_is_not_kept(server, tmp_path):
    server.content = CONTENT[:1000] + b"?" + CONTENT[1001:]
    with pytest.raises(DownloadError, match="damaged or another file"):
        fetch(server.file(), tmp_path)
    assert files_in(tmp_path) == set()
    assert len(server.ranges) == 1


def test_a_spoilt_part_is_replaced(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"?" * 1000)
    assert fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-", ""]


@pytest.mark.parametrize("part", [CONTENT + b"more", b"?" * len(CONTENT)])
def test_a_part_that_is_too_long_or_wrong_is_replaced(server, tmp_path, part):
    (tmp_path / "file.bin.part").write_bytes(part)
    assert fetch(server.file(), tmp_path).read_bytes() == CONTENT


def test_a_complete_part_needs_no_server(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    assert fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.ranges == []


@pytest.mark.parametrize("announce", [True, False])
def test_wrong_size_is_not_kept(server, tmp_path, announce):
    server.announce = announce
    server.content = CONTENT[:-1000]
    with pytest.raises(DownloadError, match=r"instead of 300000|damaged"):
        fetch(server.file(), tmp_path)
    assert files_in(tmp_path) == set()


def test_a_flood_is_stopped(server, tmp_path):
    server.announce = False
    server.content = CONTENT * 20
    with pytest.raises(DownloadError, match="more than the 300000 bytes"):
        fetch(server.file(), tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_refusal(server, tmp_path, status):
    server.status = status
    with pytest.raises(DownloadError, match=str(status)):
        fetch(server.file(), tmp_path)
    assert len(server.ranges) == 1


def test_offline(tmp_path):
    with socket.socket() as unused:  # bound, but nobody listens
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file.bin"
        with pytest.raises(DownloadError, match=r"file\.bin could not be downloaded: .*refused"):
            fetch(RemoteFile(url, "file.bin", 1, ""), tmp_path)


def test_no_room_to_write(server, tmp_path):
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(DownloadError, match="could not be stored"):
        fetch(server.file(), tmp_path / "taken")


@pytest.mark.parametrize("level", [1, 9])
def test_a_gzipped_file_is_known_by_its_content(server, tmp_path, level):
    server.content = gzip.compress(CONTENT, level)
    server.break_after = [10_000]
    path = fetch(server.file(of_content=True), tmp_path)
    assert gzip.decompress(path.read_bytes()) == CONTENT


def test_progress_is_shown_of_large_files_only(server, tmp_path, monkeypatch, capsys):
    fetch(server.file(), tmp_path)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(downloads, "_SHOWN_FROM", 1000)
    fetch(server.file(name="other.bin"), tmp_path)
    said = capsys.readouterr()
    assert said.out == "" and "other.bin: 0 of 0 MB" in said.err


def test_without_a_home_folder(monkeypatch):
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    with pytest.raises(DownloadError, match="home directory"):
        fetch(published.CIFAR10)


def test_a_gzipped_file_of_something_else_or_of_nothing(server, tmp_path):
    for content in (
        gzip.compress(CONTENT[:-1]),
        gzip.compress(CONTENT)[:-10],
        b"not gzip",
        b"",
        gzip.compress(b"0" * 10**6),
    ):
        server.content = content
        with pytest.raises(DownloadError):
            fetch(server.file(of_content=True), tmp_path)
        assert "file.bin" not in files_in(tmp_path)


def test_two_at_once(server, tmp_path):
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(fetch(server.file(), tmp_path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert results[0].read_bytes() == CONTENT
    if os.name == "posix":
        assert server.ranges == [""]


def test_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert downloads.folder() == tmp_path
    monkeypatch.delenv("COURSE_DATA")
    assert downloads.folder() == Path.home() / ".cache" / "convolution-course"


# CIFAR-10 and Fashion-MNIST


def cifar_archive(
    rows: int = 40, leave_out: str = "", kind: str = "good"
) -> tuple[bytes, dict[str, np.ndarray]]:
    """An archive like the real one, with fewer pictures, and the rows of its batches."""
    rng = np.random.default_rng(1)
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    batches = {}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in ("readme.html", *names):
            batch = rng.integers(0, 256, (rows, 3073), dtype=np.uint8)
            batch[:, 0] = np.arange(rows) % 10
            batches[name] = batch
            content = batch.tobytes()[: -1 if kind == "cut" else None]
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            if name == "data_batch_3.bin" and kind == "link":
                member.type, member.linkname, member.size, content = tarfile.SYMTYPE, "/etc/passwd", 0, b""
            if name != leave_out:
                tar.addfile(member, io.BytesIO(content))
        stranger = tarfile.TarInfo("../../outside.bin")
        stranger.size = 4
        tar.addfile(stranger, io.BytesIO(b"evil"))
    return out.getvalue(), batches


@pytest.fixture
def fresh_datasets(monkeypatch, tmp_path):
    """Nothing remembered from before, nothing left behind."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    for remembered in (datasets._cifar10, datasets._whole):
        remembered.cache_clear()
    yield tmp_path
    for remembered in (datasets._cifar10, datasets._whole):
        remembered.cache_clear()


def offer_cifar(server: Server, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    server.content = content
    sha256 = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(
        published, "CIFAR10", RemoteFile(server.address, "cifar.tar.gz", len(content), sha256)
    )


def test_cifar10(server, monkeypatch, fresh_datasets):
    content, batches = cifar_archive()
    offer_cifar(server, monkeypatch, content)
    server.break_after = [50_000]
    train, test = datasets.load("cifar10"), datasets.load("cifar10", "test")
    assert train.name == test.name == "cifar10"
    assert (len(train), len(test)) == (200, 40)
    third = batches["data_batch_3.bin"]
    assert (train.images[80:120].reshape(40, -1) == third[:, 1:]).all()
    assert (train.labels[80:120] == third[:, 0]).all()
    assert (test.images.reshape(40, -1) == batches["test_batch.bin"][:, 1:]).all()
    np.testing.assert_allclose(train.mean, train.images.mean(axis=(0, 2, 3)) / 255, rtol=1e-5)
    np.testing.assert_allclose(test.std, train.images.std(axis=(0, 2, 3)) / 255, rtol=1e-5)
    assert not train.images.flags.writeable
    assert len(server.ranges) == 2
    assert np.bincount(datasets.load("cifar10", n=50).labels).tolist() == [5] * 10
    assert not list(fresh_datasets.rglob("outside.bin"))
    with pytest.raises(ValueError, match="200 pictures"):
        datasets.load("cifar10", n=201)


def test_cifar10_has_the_shapes_and_classes_of_emojiten(server, monkeypatch, fresh_datasets):
    offer_cifar(server, monkeypatch, cifar_archive()[0])
    one, other = datasets.load("cifar10", "test", n=20), datasets.load("emojiten", "test", n=20)
    assert one.classes == other.classes
    for array in ("images", "labels", "mean", "std"):
        a, b = getattr(one, array), getattr(other, array)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)


@pytest.mark.parametrize(
    "archive",
    [{"leave_out": "data_batch_2.bin"}, {"leave_out": "test_batch.bin"}, {"kind": "cut"}, {"kind": "link"}],
)
def test_an_archive_that_lacks_something(tmp_path, archive):
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(cifar_archive(**archive)[0])
    with pytest.raises(DownloadError, match="not the binary version"):
        published.read_cifar10(path)


@pytest.mark.parametrize("content", [b"", b"nonsense", cifar_archive()[0][:100_000]])
def test_an_archive_that_is_none(tmp_path, content):
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DownloadError, match="not the binary version"):
        published.read_cifar10(path)


def test_without_a_connection_emojiten_takes_the_place_of_cifar10(
    server, monkeypatch, fresh_datasets, capsys
):
    offer_cifar(server, monkeypatch, cifar_archive()[0])
    server.status = 503
    train = datasets.load("cifar10", "train", n=30)
    server.status = 0
    test = datasets.load("cifar10", "test", n=30)  # no mixture, even if the connection is there again
    assert train.name == test.name == "emojiten"
    assert (train.images == datasets.load("emojiten", "train", n=30).images).all()
    said = capsys.readouterr()
    assert said.err.count("EmojiTen takes its place") == 1
    assert "503" in said.err
    assert said.out == ""


def test_the_addresses_of_cifar10_and_fashion_mnist_are_complete():
    assert published.CIFAR10.url.startswith("https://")
    for file in (published.CIFAR10, *published.FASHION_MNIST.values()):
        assert len(bytes.fromhex(file.sha256)) == 32
        assert file.size > 10_000


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


def test_the_whole_of_fashion_mnist(monkeypatch, fresh_datasets):
    """From the folder of Debian's package where the files are right, from the web where they are not."""
    rng = np.random.default_rng(2)
    debian = fresh_datasets / "debian"
    debian.mkdir()
    arrays = {}
    files = {}
    for part, n in (("train", 30), ("t10k", 20)):
        arrays[f"{part}-images-idx3-ubyte.gz"] = rng.integers(0, 256, (n, 28, 28))
        arrays[f"{part}-labels-idx1-ubyte.gz"] = np.arange(n) % 10
    for name, array in arrays.items():
        (debian / name).write_bytes(gzip.compress(idx(array)))
        digest = hashlib.sha256(idx(array)).hexdigest()
        files[name] = RemoteFile("http://127.0.0.1:1/", name, len(idx(array)), digest, of_content=True)
    monkeypatch.setattr(published, "DEBIAN_FASHION_MNIST", debian)
    monkeypatch.setattr(published, "FASHION_MNIST", files)

    train, test = (datasets.load("fashion_mnist_full", split) for split in ("train", "test"))
    assert (train.images[:, 0] == arrays["train-images-idx3-ubyte.gz"]).all()
    assert test.labels.tolist() == [*range(10), *range(10)]
    assert test.labels.dtype == np.int64

    datasets._whole.cache_clear()
    (debian / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DownloadError, match="could not be downloaded"):
        datasets.load("fashion_mnist_full")
