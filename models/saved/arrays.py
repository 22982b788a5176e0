"""Arrays of plain numbers as NPZ bytes, and back, so that reading runs nothing.

Theory of operation. An NPZ file is a ZIP of NPY files. `numpy.load` can be told not to unpickle,
but it opens whatever the ZIP holds, at whatever size that claims. Here the directory is judged
first: names, number, compression, claimed sizes and their sum. Then each member is read up to the
size it claims and not a byte more, its header is parsed as a literal, and the kind of number must
be one of `KINDS`; objects, structures, strings and dates are refused before an array exists.

The same arrays give the same bytes: members are sorted, and their date is 1980.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from agri.errors import BadInput, Refused

Array = NDArray[Any]
KINDS = frozenset({"float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16",
                   "uint32", "uint64", "bool"})  # fmt: skip
MOST_ARRAYS = 512
MOST_BYTES = 256_000_000
"""All arrays of a model together, unpacked."""
MOST_DIMENSIONS = 4
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DATE = (1980, 1, 1, 0, 0, 0)


def pack(arrays: Mapping[str, Array]) -> bytes:
    """Return arrays as NPZ bytes.

    Parameters
    ----------
    arrays : mapping of str to array
        Plain numbers, at most `MOST_DIMENSIONS` dimensions; names of a-z, 0-9 and _.

    Raises
    ------
    BadInput
        When a name or a kind of number cannot be kept, or they are too many or too large.

    Examples
    --------
    >>> unpack(pack({"slope": np.array([1.5, 2.0])}))["slope"].tolist()
    [1.5, 2.0]
    """
    if len(arrays) > MOST_ARRAYS or sum(one.nbytes for one in arrays.values()) > MOST_BYTES:
        raise BadInput("error.model_too_large", limit_mb=MOST_BYTES / 1e6, most=MOST_ARRAYS)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(arrays):
            array = np.ascontiguousarray(arrays[name])
            if not _NAME.fullmatch(name) or not _plain(array.dtype, array.shape):
                raise BadInput("error.model_array", name=name[:40], kind=str(array.dtype))
            member = io.BytesIO()
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            npy.write_array(member, little, version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _DATE), member.getvalue(),
                             zipfile.ZIP_DEFLATED)  # fmt: skip
    return out.getvalue()


def _plain(kind: np.dtype[Any], shape: tuple[int, ...]) -> bool:
    return kind.names is None and kind.name in KINDS and len(shape) <= MOST_DIMENSIONS


def unpack(data: bytes, *, most_bytes: int = MOST_BYTES) -> dict[str, Array]:
    """Return the arrays of NPZ bytes; nothing in them is run.

    Parameters
    ----------
    data : bytes
        As `pack` writes them.
    most_bytes : int
        All arrays together, unpacked.

    Raises
    ------
    Refused
        When it is no ZIP of plain NPY files, or holds objects, too much, or not what it claims.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _judge(members, most_bytes)
            return {one.filename[:-4]: _array(_bytes(archive, one)) for one in members}
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError,
            RuntimeError, SyntaxError, TypeError, OverflowError) as wrong:  # fmt: skip
        raise Refused("error.model_not_arrays") from wrong


def _judge(members: list[zipfile.ZipInfo], most_bytes: int) -> None:
    names = [one.filename for one in members]
    if len(set(names)) < len(names) or len(names) > MOST_ARRAYS:
        raise Refused("error.model_not_arrays")
    for one in members:
        if not one.filename.endswith(".npy") or not _NAME.fullmatch(one.filename[:-4]):
            raise Refused("error.model_foreign", name=ascii(one.filename[:40]))
        if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or one.flag_bits & 1:
            raise Refused("error.model_not_arrays")
    if sum(one.file_size for one in members) > most_bytes + 200 * len(members):
        raise Refused("error.model_too_large", limit_mb=most_bytes / 1e6, most=MOST_ARRAYS)


def _bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read a member up to the size it claims."""
    with archive.open(member) as file:
        data = file.read(member.file_size + 1)
    if len(data) != member.file_size:
        raise Refused("error.model_not_arrays")
    return data


def _array(data: bytes) -> Array:
    file = io.BytesIO(data)
    if npy.read_magic(file) != (1, 0):
        raise Refused("error.model_not_arrays")
    shape, by_columns, kind = npy.read_array_header_1_0(file, max_header_size=1000)
    if not _plain(kind, shape) or by_columns or any(size < 0 for size in shape):
        raise Refused("error.model_kind", kind=str(kind)[:40])
    body = data[file.tell() :]
    if len(body) != math.prod(shape) * kind.itemsize:
        raise Refused("error.model_not_arrays")
    return np.frombuffer(body, dtype=kind).reshape(shape).copy()
