"""Indices: equal to an independent implementation, offered by bands, safe to write oneself."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import spyndex
from hypothesis import given, settings
from hypothesis import strategies as st

from agri.errors import AgriError, BadInput
from agri.words import Message
from imagery.bands import Band, Role, sensor, sensors
from imagery.indices.catalogue import (
    CANOPY,
    PURPOSES,
    SOIL,
    Index,
    available,
    catalogue,
    custom,
    index,
    offered,
    shown_of,
)
from imagery.indices.expression import BANDS, RED_EDGE, parse

COMMON = [entry for entry in catalogue().values() if not entry.own]
OWN = [entry for entry in catalogue().values() if entry.own]
PIXEL = {"B": 0.03, "G": 0.08, "R": 0.04, "RE1": 0.15, "RE": 0.15, "N": 0.5}


def at(entry: Index, **bands: float) -> float:
    values = {name: np.array([value]) for name, value in (PIXEL | bands).items()}
    return float(entry.term(values)[0])


def test_the_catalogue_holds_far_more_than_sixty_and_says_what_each_is_for() -> None:
    assert len(catalogue()) >= 100
    assert len(COMMON) >= 60
    for entry in catalogue().values():
        assert entry.long_name
        assert len(entry.source) > 8
        assert entry.purpose in PURPOSES
        for language in ("en", "vi"):
            assert Message.of(f"page.index_{entry.purpose}").text(language)


@pytest.mark.parametrize("entry", COMMON, ids=lambda entry: entry.name)
def test_values_equal_an_independent_implementation(entry: Index) -> None:
    chance = np.random.default_rng(3)
    bands = {name: chance.uniform(0.01, 0.9, 4000) for name in entry.bands}
    theirs = np.asarray(
        spyndex.computeIndex(entry.name, params={**bands, **dict(entry.constants)}), float
    )
    mine = entry.term(bands)
    theirs[~np.isfinite(theirs)] = np.nan
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9, equal_nan=True)
    single = entry.term({name: band.astype(np.float32) for name, band in bands.items()})
    usual = np.abs(mine) <= max(abs(entry.low), abs(entry.high))
    exact = entry.term({k: v.astype(np.float32).astype(float) for k, v in bands.items()})
    np.testing.assert_allclose(
        single[usual], exact[usual], rtol=2e-4, atol=1e-6 * max(1, entry.high)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NDVI", 0.851852), ("GNDVI", 0.724138), ("NDRE", 0.538462), ("SAVI", 0.663462),
        ("MSAVI", 0.717157), ("OSAVI", 0.657143), ("EVI", 0.759076), ("EVI2", 0.720551),
        ("VARI", 0.444444), ("GLI", 0.391304), ("ExG", 0.09), ("CIRE", 2.333333), ("CIG", 5.25),
        ("NDWI", -0.724138), ("MCARI", 0.36), ("TCARI", 0.1725), ("MCARI2", 0.739746),
        ("WDRVI", 0.111111), ("NGRDI", 0.333333), ("RGBVI", 0.684211), ("MGRVI", 0.6),
        ("TGI", 4.4), ("CVI", 3.125), ("ARVI", 0.886792), ("GARI", 0.694915),
        ("TCARIOSAVI", 0.226293), ("MSR", 3.129904), ("RDVI", 0.625981), ("LCI", 0.648148),
        ("CCCI", 0.632107), ("RECI", 2.333333), ("ExGn", 0.6),
    ],
)  # fmt: skip
def test_one_known_pixel_gives_the_published_values(name: str, value: float) -> None:
    assert at(index(name)) == pytest.approx(value, abs=2e-6)


def test_drone_names_mean_what_people_use_them_for() -> None:
    assert index("reci").name == "RECI"
    for name in ("NDRE", "LCI", "CCCI", "RECI"):
        assert RED_EDGE in index(name).bands
    with pytest.raises(BadInput, match=r"no index 'NDXX'; near it are .*NDVI"):
        index("NDXX")


def test_a_sensor_is_offered_just_what_its_bands_allow() -> None:
    for camera in sensors().values():
        names = {entry.name for entry in offered(camera.bands)}
        roles = set(available(camera.bands))
        for entry in catalogue().values():
            assert (entry.name in names) == roles.issuperset(entry.bands)
    rgb = {entry.name for entry in offered(sensor("RGB").bands)}
    assert "VARI" in rgb
    assert "NDVI" not in rgb
    mavic = {entry.name for entry in offered(sensor("M3M").bands)}
    assert {"NDVI", "NDRE", "LCI"} <= mavic
    assert not {"EVI", "CIRE", "VARI"} & mavic  # no blue; its red edge is 730 nm, not 705
    assert {"CIRE", "EVI"} <= {entry.name for entry in offered(sensor("RedEdge-MX").bands)}


def test_the_camera_s_own_red_edge_is_the_first_there_is() -> None:
    assert available((Band.at("e", 730.0), Band.at("f", 717.0)))[RED_EDGE] == 2
    assert available((Band.at("e", 730.0),))[RED_EDGE] == 1
    assert RED_EDGE not in available((Band.at("n", 840.0),))
    assert set(BANDS) - {RED_EDGE} <= {role.value for role in Role}


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.name)
def test_what_needs_reflectance_changes_with_the_camera_s_numbers_and_the_rest_does_not(
    entry: Index,
) -> None:
    chance = np.random.default_rng(5)
    bands = {name: chance.uniform(0.05, 0.6, 200) for name in entry.bands}
    plain = entry.term(bands)
    scaled = entry.term({name: band * 7 for name, band in bands.items()})
    same = np.allclose(plain, scaled, rtol=1e-9, equal_nan=True)
    assert same != entry.needs_reflectance


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.name)
def test_no_value_is_ever_infinite_and_zero_reflectance_is_no_crash(entry: Index) -> None:
    levels = np.array([0.0, 1e-30, 0.04, 0.5, 1.0, np.nan], np.float32)
    grid = np.meshgrid(*[levels] * len(entry.bands)) if len(entry.bands) < 6 else [levels] * 6
    bands = {n: a.ravel().astype(np.float32) for n, a in zip(entry.bands, grid, strict=False)}
    found = entry.term(bands)
    assert not np.isinf(found).any()
    gone = np.logical_or.reduce([np.isnan(a) for a in bands.values()])
    assert np.isnan(found[gone]).all()
    assert found.dtype == np.float32


def test_storage_steps_hold_the_range() -> None:
    for entry in catalogue().values():
        assert max(abs(entry.low), abs(entry.high)) / entry.scale <= 32_767
        assert max(abs(entry.low), abs(entry.high)) / entry.scale > 2_000


@pytest.mark.parametrize(
    "formula",
    [
        "", "N +", "N R", "__import__('os').system('x')", "N.tofile('a')", "N.__class__", "N[0]",
        "[N]", "(N, R)", "lambda: N", "N if R else G", "N < R", "N and R", "'a'", "f'{N}'", "N @ R",
        "N // R", "N % R", "N << 2", "~N", "not N", "open(N)", "eval(N)", "sqrt(N, R)", "max(N)",
        "sqrt(x=N)", "N ** R", "N ** 9", "N ** (9**9)", "N + 9**9**9", "N + 1e300", "N + 1j",
        "N + True", "N + None", "1 + 2", "N + 1/0", "N; R", "N\nR", "x := N", "*N",
        "N + " * 90 + "N",        "-" * 60 + "N", "N+" * 240 + "N", "S1 + N", "foo(N)", "N\0",
        "sqrt(-1) * N", "log(0) * N", "N ** nan", "Ｎ.x", "N if N else N", "yield N", "await N",
    ],
)  # fmt: skip
def test_what_is_no_formula_is_refused_in_one_sentence(formula: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(formula, known=("N", "R", "G"))
    for language in ("en", "vi"):
        text = caught.value.text(language)
        assert "\n" not in text
        assert len(text) < 300


def test_an_unknown_band_is_refused_naming_the_camera_s() -> None:
    with pytest.raises(BadInput, match="no band S1; the formula may use G, N, R, RE, RE2"):
        custom("moist", "(N - S1) / (N + S1)", bands=sensor("M3M").bands)


def test_a_formula_of_one_s_own_works_like_the_catalogue_s() -> None:
    mine = custom("mine", "sqrt(max(N - R, 0)) ^ 2 / abs(-N - R)", bands=sensor("M3M").bands)
    assert at(mine) == pytest.approx(0.46 / 0.54)
    assert not mine.needs_reflectance
    assert pickle.loads(pickle.dumps(mine)) == mine  # noqa: S301 - goes to workers of a cluster
    for bad in ("", " ", "x" * 41, "a\nb"):
        with pytest.raises(BadInput, match="name a layer"):
            custom(bad, "N")
    with pytest.raises(BadInput, match="range"):
        custom("mine", "N", low=1.0, high=1.0)


def test_bands_may_be_called_what_people_call_them() -> None:
    assert parse("(nir - Red) / (NIR + r)") == parse("(N - R) / (N + R)")
    assert parse("rededge / green").bands == ("G", "RE")


TEXT = st.text(
    alphabet=st.sampled_from("NRGBE12.+-*/()^, sqrtmaxlogexp_[]{}'\"=<>:\n\0" + "ăπ"), max_size=60
)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_any_text_is_a_formula_or_refused_and_never_more(text: str) -> None:
    try:
        term = parse(text)
    except AgriError as error:
        error.text("vi")
        return
    bands: dict[str, Any] = {name: np.float32([0.0, 0.1, np.nan]) for name in term.bands}
    assert not np.isinf(term(bands)).any()


@pytest.mark.parametrize("name", list(catalogue()))
def test_a_legend_tells_soil_from_canopy_and_never_leaves_what_can_be_stored(name: str) -> None:
    entry = catalogue()[name]
    least, most = entry.shown
    assert entry.low <= least < most <= entry.high
    assert most - least >= 0.19 * (entry.high - entry.low)
    for surface in (SOIL, CANOPY):
        bands = {band: np.array([surface["RE1" if band == "RE" else band]]) for band in entry.bands}
        assert least <= float(entry.term(bands)[0]) <= most, surface


def test_a_field_of_a_red_edge_index_is_not_one_pale_colour() -> None:
    """Over all that can be stored a poor and a good crop were a seventh of the colours apart."""
    least, most = catalogue()["NDRE"].shown
    poor, good = 0.15, 0.45
    assert (good - poor) / (most - least) >= 0.25
    assert shown_of("ndvi") == catalogue()["NDVI"].shown
    assert shown_of("(N - R) * 2") is None
