"""Whatever is wrong with data ends with exit code 3 and one sentence that names the place."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from gsmooth.cli import app
from tests.runs.tmp_project import enter

Spoil = Callable[[Path], str]

LABELS: Final = np.array([0, 1, 0, 1])


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, "photos")


def images(count: int = 4) -> np.ndarray[Any, Any]:
    return np.full((count, 1, 4, 4), 0.25)


def archive(folder: Path, **arrays: Any) -> str:
    np.savez(folder / "a.npz", **({"x": images(), "y": LABELS} | arrays))
    return "a.npz"


def strange_folder(folder: Path) -> str:
    place = folder / "pics" / "caf\udce9"
    place.mkdir(parents=True)
    Image.new("L", (4, 4), 9).save(place / "1.png")
    return "pics"


def labelled(*labels: Any, dtype: Any = np.int64) -> Spoil:
    return lambda folder: archive(folder, y=np.array(labels, dtype=dtype))


def with_arrays(**arrays: Any) -> Spoil:
    return lambda folder: archive(folder, **arrays)


def factory(code: str) -> Spoil:
    def write(folder: Path) -> str:
        (folder / "photos.py").write_text(f"import numpy as np\n{code}\n")
        return "photos:make"

    return write


def flipped(folder: Path) -> str:
    """Bytes in the middle of a deflate stream."""
    rng = np.random.default_rng(0)
    np.savez_compressed(folder / "a.npz", x=rng.random((4, 1, 4, 4)), y=LABELS)
    path = folder / "a.npz"
    content = bytearray(path.read_bytes())
    content[150:400] = bytes(250)
    path.write_bytes(content)
    return "a.npz"


def one_bit(folder: Path) -> str:
    """A pixel changed, so that only the sum of the archive tells."""
    path = folder / archive(folder)
    content = path.read_bytes()
    place = content.index(struct.pack("<d", 0.25))
    path.write_bytes(content[: place + 2] + b"\x01" + content[place + 3 :])
    return "a.npz"


def cut_off(folder: Path) -> str:
    path = folder / archive(folder)
    path.write_bytes(path.read_bytes()[:500])
    return "a.npz"


def encrypted(folder: Path) -> str:
    path = folder / archive(folder)
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(mark)
        while place >= 0:
            content[place + flags] |= 1
            place = content.find(mark, place + 1)
    path.write_bytes(content)
    return "a.npz"


def folder_as_archive(folder: Path) -> str:
    (folder / "b.npz").mkdir()
    return "b.npz"


def link_to_itself(folder: Path) -> str:
    (folder / "b.npz").symlink_to(folder / "b.npz")
    return "b.npz"


def declaring(shape: str, dtype: str = "<f8", body: bytes = b"") -> Spoil:
    def write(folder: Path) -> str:
        header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
        member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body
        labels = io.BytesIO()
        np.save(labels, LABELS)
        with zipfile.ZipFile(folder / "a.npz", "w") as opened:
            opened.writestr("x.npy", member)
            opened.writestr("y.npy", labels.getvalue())
        return "a.npz"

    return write


def photos(**files: Callable[[Path], object]) -> Spoil:
    """A folder of two classes, the file of one spoilt."""

    def write(folder: Path) -> str:
        for name in ("a", "b"):
            (folder / "pics" / name).mkdir(parents=True)
            Image.new("L", (4, 4), 9).save(folder / "pics" / name / "1.png")
        for name, spoil in files.items():
            spoil(folder / "pics" / "b" / f"{name}.png")
        return "pics"

    return write


def truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:1000])


def png(width: int, height: int, body: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body)


def bad_stream(path: Path) -> None:
    path.write_bytes(png(4, 4, b"xx not deflate xx"))


def bomb(path: Path) -> None:
    """A few bytes that declare 60,000 x 60,000 pixels."""
    path.write_bytes(png(60_000, 60_000, zlib.compress(bytes(1000))))


ROWS: Final[dict[str, tuple[Spoil, str]]] = {
    "a corrupt deflate stream": (flipped, "a.npz: array 'x': cannot be read"),
    "a pixel that the archive's sum does not allow": (one_bit, "Bad CRC-32"),
    "an archive that is cut off": (cut_off, "a.npz: cannot be read as .npz: it is no zip"),
    "an encrypted archive": (encrypted, "array 'x' is encrypted"),
    "an array of ten TiB": (
        declaring("(1374389534720,)"),
        "declares float64 (1374389534720,), 10,995,116,277,760 bytes, but the archive holds 0",
    ),
    "an array that is shorter than it says": (
        declaring("(4, 1, 4, 4)", body=bytes(100)),
        "512 bytes, but the archive holds 100 bytes of it",
    ),
    "an array that is no array": (declaring("'four'"), "array 'x': cannot be read (ValueError"),
    "pickled objects": (with_arrays(x=np.array([{}])), "array 'x' holds Python objects"),
    "a label of uint64 that int64 cannot hold": (
        labelled(0, 2**64 - 1, 0, 1, dtype=np.uint64),
        "image 1 has label 18446744073709551615",
    ),
    "a label of 2^62": (labelled(0, 1, 2**62, 1), "image 2 has label 4611686018427387904"),
    "a negative label": (labelled(0, 1, 0, -1), "image 3 has label -1"),
    "a label that no output stands for": (labelled(0, 1, 2, 0), "label 2 is out of range"),
    "labels that are floats": (labelled(0.0, 1.0, 0.0, 1.0, dtype=float), "type float64; expected"),
    "labels with a second axis": (with_arrays(y=LABELS[:, None]), "labels of shape (4, 1)"),
    "a class array without dimensions": (
        with_arrays(classes=np.array("cat")),
        "a.npz: 'classes' has shape () and type <U3; expected the names",
    ),
    "class names of numbers with a fraction": (
        with_arrays(class_names=np.array([0.5, 1.5])),
        "'class_names' has shape (2,) and type float64",
    ),
    "two classes of one name": (
        with_arrays(class_names=np.array(["cat", "cat"])),
        "two classes have the name 'cat'",
    ),
    "a class without a name": (
        with_arrays(class_names=np.array(["", "cat"])),
        "a class is called ''; expected a name",
    ),
    "a class folder whose name is not UTF-8": (
        strange_folder,
        r"a class is called 'caf\udce9'; expected a name, in UTF-8",
    ),
    "no images": (with_arrays(x=images(0), y=LABELS[:0]), "images of shape (0, 1, 4, 4)"),
    "a pixel that is NaN": (
        with_arrays(x=np.where(np.arange(64).reshape(4, 1, 4, 4) == 20, np.nan, 0.5)),
        "image 1 holds NaN",
    ),
    "floats outside the declared range": (
        with_arrays(x=images() * 255.0),
        "image 0: values in [63.75, 63.75], outside the declared input range [0, 1]",
    ),
    "bytes of nothing but 0 and 1": (
        with_arrays(x=np.arange(64, dtype=np.uint8).reshape(4, 1, 4, 4) % 2),
        "8-bit images of nothing but 0 and 1; is 1 white, or nearly black?",
    ),
    "a folder under the name of an archive": (
        folder_as_archive,
        "b.npz: it is no regular file",
    ),
    "a link that leads to itself": (
        link_to_itself,
        "b.npz: there is no such file",
    ),
    "a name that no file can have": (lambda folder: "a" * 5000, "cannot be read (OSError"),
    "a home that nobody has": (lambda folder: "~nobody-of-that-name/a.npz", "cannot be read"),
    "a picture that is no picture": (
        photos(x=lambda path: path.write_text("a letter")),
        "b/x.png: cannot be read as an image",
    ),
    "a page in place of a picture": (
        photos(x=lambda path: path.write_text("<html>")),
        "b/x.png: this is an HTML page, not the file itself",
    ),
    "a picture that is empty": (
        photos(x=lambda path: path.write_bytes(b"")),
        "b/x.png: cannot be read as an image",
    ),
    "a picture that is cut off": (photos(x=truncated), "b/x.png: cannot be read (OSError"),
    "a picture with a corrupt deflate stream": (photos(x=bad_stream), "b/x.png: cannot be read"),
    "a decompression bomb": (photos(x=bomb), "b/x.png: cannot be read (DecompressionBombError"),
    "a picture that has vanished": (
        photos(x=lambda path: path.symlink_to("gone.png")),
        "b/x.png: there is no such regular file (any more)",
    ),
    "ragged lists": (
        factory("def make(): return [[[0.0, 1.0]], [[0.0]]], [0, 1]"),
        "photos:make: images: cannot be read (ValueError",
    ),
    "an object array": (
        factory("def make(): return np.array([None, {}], dtype=object), [0, 1]"),
        "photos:make: images are ndarray and become an array of Python objects",
    ),
    "a masked array": (
        factory("def make(): return np.ma.masked_all((2, 1, 4, 4)), [0, 1]"),
        "photos:make: images are a masked array",
    ),
    "a sparse matrix": (
        factory("import scipy.sparse\ndef make(): return scipy.sparse.eye(4).tocsr(), [0] * 4"),
        "images are csr_matrix and become an array of Python objects",
    ),
    "a sparse tensor": (
        factory("import torch\ndef make(): return torch.eye(4).to_sparse(), [0] * 4"),
        "images are a sparse tensor (torch.sparse_coo)",
    ),
    "nothing at all": (factory("def make(): return None"), "returned NoneType; expected a Dataset"),
    "a factory that raises": (
        factory("def make(): return {}['x']"),
        "'photos:make' raised KeyError: 'x'",
    ),
    "a factory that exits": (factory("def make(): raise SystemExit(0)"), "SystemExit"),
    "a module that exits": (factory("raise SystemExit(0)"), "SystemExit"),
    "a factory that raises what is no Exception": (
        factory("class Odd(BaseException): pass\ndef make(): raise Odd('so there')"),
        "Odd: so there",
    ),
    "a factory that runs out of memory": (factory("def make(): raise MemoryError"), "photos:make"),
}


@pytest.mark.parametrize(("spoil", "sentence"), ROWS.values(), ids=ROWS.keys())
def test_bad_data_are_exit_code_3_and_one_sentence(
    tmp_path: Path, spoil: Spoil, sentence: str
) -> None:
    result = CliRunner().invoke(app, ["predict", *MODEL, f"--data={spoil(tmp_path)}"])
    assert result.exit_code == 3, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("gsmooth: ")
    assert sentence in line


MODEL: Final = (
    "--model=tmp_project_net:build",
    "--set=model.shape=[1,4,4]",
    "--transformation=gaussian",
    "--sigma=0.25",
    "--n=64",
    "--set=engine.batch_size=64",
)


def test_a_process_of_its_own_ends_with_3_too(tmp_path: Path) -> None:
    spoil, sentence = ROWS["a factory that exits"]
    command = [sys.executable, "-m", "gsmooth", "predict", *MODEL, f"--data={spoil(tmp_path)}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert sentence in done.stderr
