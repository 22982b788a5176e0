"""Models come back as they were kept; bombs, foreign types and changed files do not come in."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.errors import AgriError, BadInput, NotFound, Refused
from models.saved.arrays import pack, unpack
from models.saved.card import Card, Trial, table_digest
from models.saved.document import Document, State, read_card, read_model, write_model
from models.saved.registry import Registry

NOW = datetime(2026, 5, 1, 6, tzinfo=UTC)
BUILT: list[str] = []


@dataclass(frozen=True)
class Line:
    slope: np.ndarray
    offset: float


def build_line(state: State) -> Line:
    BUILT.append(state.kind)
    return Line(state.arrays["slope"], state.numbers["offset"])


KINDS = {"line": build_line}


def state(offset: float = 1.0) -> State:
    return State(kind="line", numbers={"offset": offset}, arrays={"slope": np.array([1.0, 2.5])})


def card(name: str = "Sản lượng vải") -> Card:
    return Card(
        name=name, target="yield", unit="kg/tree", features=("age", "area"), made=NOW,
        data_digest=table_digest(["age"], [np.array([5.0, np.nan])]), rows=120, seasons=3,
        headline="season", nominal_coverage=0.9, coverage=0.91, novelty_limit=0.4,
        trials=(Trial(split="random", measure="r2", value=0.86),
                Trial(split="season", measure="r2", value=0.26, baseline=-0.17)),
        limits=("chưa đủ vụ",),
    )  # fmt: skip


def test_a_kept_model_and_its_card_come_back_the_same() -> None:
    document = write_model(state(), card())
    assert document == write_model(state(), card()), "the same model gives the same bytes"
    model, kept = read_model(document, KINDS)
    assert model.slope.tolist() == [1.0, 2.5]
    assert model.offset == 1.0
    assert kept == card() == read_card(document)


@given(st.integers(0, 3), st.sampled_from(["f4", "f8", "i4", "u1", "?"]), st.integers(0, 5))
def test_arrays_of_any_plain_kind_and_shape_come_back(dims: int, kind: str, size: int) -> None:
    array = np.arange(size**dims).reshape((size,) * dims).astype(kind)
    back = unpack(pack({"a": array, "b": array}))
    np.testing.assert_array_equal(back["a"], array)
    assert back["b"].dtype == array.dtype


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (self.target, "w"))


def member(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def objects(target: Path) -> bytes:
    """An NPY file of objects, as `numpy.save` with pickle writes it: a bomb."""
    out = io.BytesIO()
    np.save(out, np.array([Bomb(str(target))], dtype=object), allow_pickle=True)
    return out.getvalue()


def with_arrays(arrays: bytes) -> Document:
    """A document whose digest vouches for foreign arrays: the attacker wrote both files."""
    import hashlib

    head = json.loads(write_model(state(), card()).head)
    head["arrays_sha256"] = hashlib.sha256(arrays).hexdigest()
    return Document(head=json.dumps(head).encode(), arrays=arrays)


def test_pickle_bombs_are_refused_before_anything_is_built(tmp_path: Path) -> None:
    target = tmp_path / "went_off"
    bombs = [
        pickle.dumps(Bomb(str(target))),
        objects(target),
        member("slope.npy", objects(target)),
        member("slope.npy", pickle.dumps(Bomb(str(target)))),
        member("slope.pkl", pickle.dumps(Bomb(str(target)))),
    ]
    BUILT.clear()
    for bomb in bombs:
        with pytest.raises(Refused):
            read_model(with_arrays(bomb), KINDS)
    assert not target.exists()
    assert not BUILT
    with pytest.raises(Refused):
        read_model(Document(head=bombs[0], arrays=b""), KINDS)
    np.load(io.BytesIO(bombs[1]), allow_pickle=True)
    assert target.exists(), "the bomb is a real one"


def test_a_foreign_skops_file_is_refused_unopened() -> None:
    schema = {"__class__": "system", "__module__": "os", "__loader__": "ObjectNode"}
    with pytest.raises(Refused) as raised:
        read_model(with_arrays(member("schema.json", json.dumps(schema).encode())), KINDS)
    assert raised.value.message.key == "error.model_foreign"


@pytest.mark.parametrize("kind", ["system", "os.system", "sklearn.tree._tree.Tree", "", "Line"])
def test_a_kind_that_the_caller_does_not_know_is_refused_before_the_arrays(kind: str) -> None:
    document = write_model(replace(state(), kind=kind), card())
    with pytest.raises(Refused) as raised:
        read_model(Document(head=document.head, arrays=b"never opened"), KINDS)
    assert raised.value.message.key == "error.model_kind"


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (118 - len(text) - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "npy",
    [
        header("(10000000000, 10000000000)"),
        header("(-1,)") + b"\0" * 8,
        header("(2,)") + b"\0" * 8,
        header("(1,)", "'|O'") + b"\0" * 8,
        header("(1,)", "[('a', '<f8')]") + b"\0" * 8,
        header("(1,)", "'<U2'") + b"\0" * 8,
        header("(1,)", "__import__('os').system('true')") + b"\0" * 8,
        b"\x93NUMPY\x03\x00" + b"\xff" * 60,
    ],
)
def test_headers_that_lie_are_refused(npy: bytes) -> None:
    with pytest.raises(Refused):
        unpack(member("slope.npy", npy))


def test_a_small_file_cannot_fill_the_memory() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("slope.npy", header("(1000000,)") + bytes(8_000_000))
    assert len(out.getvalue()) < 20_000
    with pytest.raises(Refused) as raised:
        unpack(out.getvalue(), most_bytes=1_000_000)
    assert raised.value.message.key == "error.model_too_large"


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2}, {"kind": 3}, {"numbers": []}, {"card": {}}, {"extra": 1},
        {"numbers": {"x": json.loads("[" * 40 + "]" * 40)}},
    ],
)  # fmt: skip
def test_heads_that_agri_did_not_write_are_refused(change: dict[str, object]) -> None:
    document = write_model(state(), card())
    head = json.dumps(json.loads(document.head) | change).encode()
    with pytest.raises(Refused):
        read_model(Document(head=head, arrays=document.arrays), KINDS)
    for junk in (b"", b"[]", b"{", b"[" * 100_000, b'{"schema": NaN}'):
        with pytest.raises(Refused):
            read_model(Document(head=junk, arrays=b""), KINDS)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_changed_bytes_are_refused_and_never_crash(junk: bytes, place: int) -> None:
    good = pack({"slope": np.arange(20.0)})
    try:
        unpack(good[:place] + junk + good[place + len(junk) :])
    except AgriError:
        return


def test_what_is_no_plain_number_cannot_be_kept() -> None:
    for wrong in (np.array(["a"]), np.array([object()]), np.array([1 + 2j])):
        with pytest.raises(BadInput):
            pack({"a": wrong})
    with pytest.raises(BadInput):
        pack({"../a": np.array([1.0])})
    with pytest.raises(BadInput):
        write_model(replace(state(), numbers={"x": float("nan")}), card())


def test_a_card_with_random_folds_alone_is_refused() -> None:
    for change in (
        {"trials": card().trials[:1]}, {"headline": "random"}, {"headline": "field"},
        {"data_digest": "abc"}, {"coverage": 1.2},
    ):  # fmt: skip
        with pytest.raises(BadInput):
            replace(card(), **change)  # type: ignore[arg-type]


def test_versions_are_only_added_and_going_back_is_told(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with pytest.raises(NotFound):
        registry.in_use("Sản lượng vải")
    assert [registry.keep(state(k), card(), now=NOW, why=f"vụ {k}") for k in (1.0, 2.0)] == [1, 2]
    assert registry.load("Sản lượng vải", KINDS)[0].offset == 2.0
    registry.use("Sản lượng vải", 1, now=NOW, why="phiên bản 2 đoán sai")
    assert registry.load("Sản lượng vải", KINDS)[0].offset == 1.0
    assert registry.versions("Sản lượng vải") == (1, 2)
    assert registry.keep(state(3.0), card(), now=NOW) == 3
    assert [line.action for line in registry.lines()].count("in use") == 4
    assert registry.load("Sản lượng vải", KINDS, version=2)[0].offset == 2.0
    with pytest.raises(NotFound):
        registry.use("Sản lượng vải", 9, now=NOW, why="")
    assert registry.card("Sản lượng vải") == card()


def test_a_changed_version_or_line_is_refused(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.keep(state(), card(), now=NOW)
    head = next((tmp_path / "models").rglob("model.json"))
    kept = head.read_bytes()
    head.write_bytes(kept.replace(b"0.26", b"0.96"))
    with pytest.raises(Refused) as raised:
        registry.card("Sản lượng vải")
    assert raised.value.message.key == "error.model_changed"
    head.write_bytes(kept)
    first = tmp_path / "models/log/000001.json"
    told = first.read_bytes()
    first.write_bytes(told.replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(Refused):
        registry.lines()
    first.unlink()
    with pytest.raises(Refused):
        registry.lines()


def test_two_who_keep_at_once_do_not_overwrite_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Registry(tmp_path), Registry(tmp_path)
    first.keep(state(1.0), card(), now=NOW)
    seen = second.lines()
    first.keep(state(2.0), card(), now=NOW)
    monkeypatch.setattr(second, "lines", lambda: seen)
    with pytest.raises(BadInput) as raised:
        second.keep(state(3.0), card(), now=NOW)
    assert raised.value.message.key == "error.model_meanwhile"
    assert first.load("Sản lượng vải", KINDS)[0].offset == 2.0
    assert len(first.lines()) == 4
