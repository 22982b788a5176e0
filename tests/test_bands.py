"""Bands: roles follow wavelengths, the file wins over the table, and doubt is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.errors import BadInput
from imagery.bands import (
    RANGES_NM,
    Band,
    Role,
    band_from,
    role_at,
    roles_of,
    sensor,
    sensor_bands,
    sensor_for,
    sensors,
)


def played(name: str) -> dict[str, float | None]:
    bands = sensor(name).bands
    return {role.value: bands[index].centre_nm for role, index in roles_of(bands).items()}


def test_every_sensor_gives_roles_without_doubt_and_names_its_source() -> None:
    for name, entry in sensors().items():
        assert roles_of(entry.bands), name
        assert entry.source.endswith((".", ".)")), name
        assert entry.confidence in ("high", "medium", "low")
        assert len({band.name for band in entry.bands}) == len(entry.bands)


def test_red_edge_of_one_maker_is_not_that_of_another() -> None:
    assert played("RedEdge-M") == {"B": 475, "G": 560, "R": 668, "N": 840, "RE1": 717}
    assert played("M3M") == {"G": 560, "R": 650, "RE2": 730, "N": 860}
    assert played("Sequoia") == {"G": 550, "R": 660, "RE2": 735, "N": 790}


def test_sentinel_s_two_near_infrared_bands_are_told_apart() -> None:
    roles = played("Sentinel-2")
    assert (roles["RE3"], roles["N"], roles["N2"]) == (783, 833, 865)


def test_two_bands_that_claim_one_role_are_refused_until_one_is_chosen() -> None:
    bands = (Band.at("Red", 650.0, 16.0), Band.at("Red", 668.0, 14.0))
    with pytest.raises(BadInput, match="650 nm, Red 668 nm"):
        roles_of(bands)
    assert roles_of(bands, {Role.R: 1}) == {Role.R: 1}
    with pytest.raises(BadInput, match="no such band"):
        roles_of((*bands, None), {Role.N: 2})


def test_a_chosen_band_no_longer_plays_its_own_part() -> None:
    bands = (Band.at("Red edge", 717.0, 12.0), Band.at("Red edge", 705.0, 10.0))
    assert roles_of(bands, {Role.RE2: 0}) == {Role.RE2: 0, Role.RE1: 1}


def test_the_file_s_wavelength_wins_over_the_catalogue() -> None:
    camera = sensor("RedEdge-MX")
    own = band_from("NIR", 820.0, 40.0, camera)
    assert (own.centre_nm, own.fwhm_nm, own.known) == (820.0, 40.0, "file")
    listed = band_from("NIR", None, None, camera)
    assert (listed.centre_nm, listed.known) == (842.0, "catalogue")
    assert band_from("Odd", None, None, camera).role is None


def test_the_second_red_of_a_ten_band_camera_stays_free() -> None:
    camera = sensor("Dual")
    bands = [band_from(b.name, b.centre_nm, b.fwhm_nm, camera) for b in camera.bands]
    assert {r.value: bands[i].centre_nm for r, i in roles_of(bands).items()}["R"] == 668


def test_a_red_edge_known_by_name_alone_is_taken_only_from_a_named_camera() -> None:
    assert Band.named("RedEdge").role is None
    found = sensor_bands(["RedEdge", "alpha"], sensor("P4M"))
    assert found[0] is not None
    assert found[0].role is Role.RE2
    assert found[1] is None


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("MicaSense", "RedEdge", "MicaSense RedEdge-M"),
        ("Parrot", "Sequoia", "Parrot Sequoia"),
        ("DJI", "M3M", "DJI Mavic 3 Multispectral"),
        ("DJI", "FC6360", "DJI Phantom 4 Multispectral"),
    ],
)
def test_cameras_are_known_by_what_exif_calls_them(make: str, model: str, name: str) -> None:
    found = sensor_for(make, model)
    assert found is not None
    assert found.name == name


def test_an_unknown_camera_is_refused_with_the_list() -> None:
    with pytest.raises(BadInput, match="Parrot Sequoia"):
        sensor("Kodak")
    with pytest.raises(BadInput, match="RedEdge-MX Dual"):
        sensor("MicaSense")


@given(st.floats(350.0, 15000.0), st.none() | st.floats(1.0, 200.0))
def test_a_wavelength_has_at_most_one_role_and_it_lies_in_its_range(
    centre: float, width: float | None
) -> None:
    role = role_at(centre, width)
    inside = [r for r, low, high in RANGES_NM if low <= centre < high]
    assert len(inside) <= 1
    assert (role is None) == (not inside)


def test_a_broad_band_is_panchromatic() -> None:
    assert Band.at("Panchro", 634.5, 463.0).role is Role.PAN
    assert Band.at("LWIR", 10500.0, 6000.0).role is Role.T


@pytest.mark.parametrize("value", [0.0, -5.0, float("nan")])
def test_a_wavelength_that_cannot_be_is_refused(value: float) -> None:
    with pytest.raises(BadInput):
        Band(name="x", centre_nm=value)
