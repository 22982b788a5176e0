"""Variable rate: every piece gets its dose, the litres are the map's, or the map is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from agri.errors import BadInput, Refused
from agri.zone import RateMap, RatePatch
from missions.catalogue import sprayer
from missions.items import Command, MissionItem, canonical
from missions.passes.rates import MAX_ERROR, MIN_PIECE_M, rated
from missions.passes.route import Pass
from missions.sprayer.dose import flow_l_min, held_flow_l_min, pump_flow_l_min, servo_pwm
from tests.test_sprayer_dose import asked
from tests.test_zone import FRAME, box, grid

HEXA, SERVO, T40 = sprayer("16 L"), sprayer("servo"), sprayer("T40")


def strips(*rates: float, width: float = 20.0, name: str = "map") -> RateMap:
    """Strips from west to east, each `width` metres, around the origin's parallel."""
    return RateMap(name=name, patches=tuple(
        RatePatch(area=box(n * width, -60.0, (n + 1) * width, 60.0), rate_l_ha=rate, name=str(n))
        for n, rate in enumerate(rates)
    ))  # fmt: skip


def swath(start: tuple[float, float], end: tuple[float, float], width: float = 5.0) -> Pass:
    return Pass(points=(start, end), width_m=width, rate_l_ha=20.0, speed_m_s=4.0)


def asked_litres(passes: Sequence[Pass], rate_map: RateMap) -> float:
    """Litres the map asks along the passes, by sampling every two centimetres."""
    litres = 0.0
    for work in passes:
        steps = max(1, round(work.length_m / 0.02))
        places = np.array([work.at((n + 0.5) * work.length_m / steps) for n in range(steps)])
        rates = rate_map.rates_at(*FRAME.to_lonlat(*places.T))
        litres += float(np.nansum(rates)) * work.length_m / steps * work.width_m / 10_000.0
    return litres


def check(flown: Sequence[Pass], **changes: Any) -> None:
    """Every piece: its dose by flow, speed and swath, within what pump and aircraft can do."""
    settings = asked(**changes)
    found = settings.sprayer
    for piece in flown:
        flow = flow_l_min(piece.rate_l_ha, piece.width_m, piece.speed_m_s)
        assert found.min_flow_l_min * (1 - 1e-6) <= flow <= found.max_flow_l_min * (1 + 1e-6)
        assert min(1.0, settings.speed_m_s) - 1e-9 <= piece.speed_m_s
        assert piece.speed_m_s <= found.max_speed_m_s + 1e-9


def test_each_piece_gets_the_rate_beneath_it_by_its_speed_with_one_flow() -> None:
    rate_map = strips(20.0, 30.0, 15.0)
    flown = rated([swath((1, 0), (59, 0))], rate_map, FRAME, asked(speed_m_s=4.0))
    assert [round(p.rate_l_ha, 6) for p in flown] == [20.0, 30.0, 15.0]
    assert [round(p.points[0][0], 2) for p in flown] == [1.0, 20.0, 40.0]
    flows = [flow_l_min(p.rate_l_ha, p.width_m, p.speed_m_s) for p in flown]
    assert max(flows) == pytest.approx(min(flows))
    assert flows[0] == pytest.approx(held_flow_l_min(HEXA, flows[0]))
    assert flown[2].speed_m_s == pytest.approx(2.0 * flown[1].speed_m_s)
    mean = sum(p.length_m for p in flown) / sum(p.length_m / p.speed_m_s for p in flown)
    assert mean == pytest.approx(4.0, rel=0.06)
    check(flown, speed_m_s=4.0)


def test_pieces_of_a_swath_follow_each_other_end_to_start() -> None:
    flown = rated([swath((59, 3), (1, -2))], strips(20.0, 30.0, 15.0), FRAME, asked())
    for first, second in pairwise(flown):
        assert first.points[-1] == pytest.approx(second.points[0])
    assert flown[0].points[0] == (59, 3)
    assert flown[-1].points[-1] == (1, -2)


def test_one_rate_everywhere_leaves_the_passes_whole() -> None:
    works = [swath((1, n * 5.0), (59, n * 5.0)) for n in range(4)]
    flown = rated(works, strips(20.0, 20.0, 20.0), FRAME, asked(speed_m_s=4.0))
    assert [p.points for p in flown] == [p.points for p in works]
    assert {round(p.rate_l_ha, 9) for p in flown} == {20.0}


def test_a_rate_of_nothing_is_cut_out_exactly() -> None:
    flown = rated([swath((1, 0), (59, 0))], strips(20.0, 0.0, 20.0), FRAME, asked())
    assert len(flown) == 2
    assert flown[0].points[-1][0] == pytest.approx(20.0, abs=0.01)
    assert flown[1].points[0][0] == pytest.approx(40.0, abs=0.01)


def test_a_narrow_strip_of_nothing_is_never_joined_away() -> None:
    rate_map = RateMap(patches=(
        RatePatch(area=box(0, -9, 30, 9), rate_l_ha=20.0),
        RatePatch(area=box(30, -9, 31, 9), rate_l_ha=0.0),
        RatePatch(area=box(31, -9, 60, 9), rate_l_ha=20.0),
    ))  # fmt: skip
    flown = rated([swath((1, 0), (59, 0))], rate_map, FRAME, asked())
    sprayed = shapely.union_all([shapely.LineString(p.points) for p in flown])
    assert sprayed.intersection(shapely.box(30.01, -9, 30.99, 9)).length == 0.0
    assert sum(p.length_m for p in flown) == pytest.approx(57.0, abs=0.03)


def test_a_map_of_nothing_is_told() -> None:
    with pytest.raises(BadInput, match="nothing to spray"):
        rated([swath((1, 0), (19, 0))], strips(0.0), FRAME, asked())


def test_a_missing_area_is_told_in_square_metres_and_never_taken_for_nothing() -> None:
    with pytest.raises(BadInput, match=r"rate on 200 m².*21\.0800") as error:
        rated([swath((1, 0), (59, 0)), swath((59, 5), (1, 5))],
              RateMap(patches=strips(20.0, 1.0, 20.0).patches[::2], name="map"), FRAME, asked(),
              )  # fmt: skip
    assert "200 m²" in error.value.text("vi")


def test_a_slit_between_polygons_takes_the_rate_beside_it() -> None:
    rate_map = RateMap(patches=(
        RatePatch(area=box(0, -9, 29.8, 9), rate_l_ha=20.0),
        RatePatch(area=box(30.2, -9, 60, 9), rate_l_ha=30.0),
    ))  # fmt: skip
    flown = rated([swath((1, 0), (59, 0))], rate_map, FRAME, asked())
    assert sum(p.length_m for p in flown) == pytest.approx(58.0)
    assert flown[0].length_m == pytest.approx(29.2, abs=0.02)


def test_a_crosshatch_gives_half_on_each_pass() -> None:
    flown = rated([swath((1, 0), (39, 0))], strips(40.0, 60.0), FRAME, asked(crosshatch=True))
    assert [p.rate_l_ha for p in flown] == [20.0, 30.0]


def test_a_bent_pass_that_ends_where_it_began_is_cut_all_along() -> None:
    ring = Pass(points=((2, 2), (58, 2), (58, 50), (2, 50), (2, 2)), width_m=5.0, rate_l_ha=20.0,
                speed_m_s=4.0)  # fmt: skip
    rate_map = strips(20.0, 24.0, 28.0)
    flown = rated([ring], rate_map, FRAME, asked())
    assert [round(p.rate_l_ha) for p in flown] == [20, 24, 28, 24, 20]
    assert sum(p.litres for p in flown) == pytest.approx(asked_litres([ring], rate_map), rel=1e-3)


def test_a_pass_along_the_border_of_two_patches_has_one_rate() -> None:
    flown = rated([swath((20, 1), (20, 50))], strips(20.0, 30.0), FRAME, asked())
    assert len(flown) == 1
    assert flown[0].rate_l_ha in (20.0, 30.0)


def test_pixels_of_a_grid_are_cut_at_their_borders() -> None:
    values = np.repeat([[20.0, 30.0, 40.0, 20.0]], 2, axis=0)
    rate_map = RateMap(grid=grid(values.tolist(), affine=None or grid([[1.0]]).affine))
    flown = rated([swath((0.5, 9.0), (39.5, 5.0))], rate_map, FRAME, asked(speed_m_s=3.0))
    assert [round(p.rate_l_ha) for p in flown] == [20, 30, 40, 20]
    assert [round(p.points[0][0]) for p in flown] == [0, 10, 20, 30]
    assert sum(p.litres for p in flown) == pytest.approx(
        asked_litres([swath((0.5, 9.0), (39.5, 5.0))], rate_map), rel=0.01
    )


def test_the_way_to_change_speed_is_the_shortest_piece() -> None:
    rate_map = strips(20.0, 22.0, 26.0, 22.0, width=2.5)
    flown = rated([swath((0.5, 0), (9.5, 0))], rate_map, FRAME, asked(speed_m_s=3.0, swath_m=5.0))
    assert 1 < len(flown) < 4
    for first, second in pairwise(flown):
        way = abs(second.speed_m_s**2 - first.speed_m_s**2) / HEXA.aircraft.acceleration_m_s2
        assert second.length_m >= max(MIN_PIECE_M, way) - 1e-6
    assert sum(p.litres for p in flown) == pytest.approx(
        asked_litres([swath((0.5, 0), (9.5, 0))], rate_map), rel=0.01
    )


def test_a_map_finer_than_the_aircraft_can_follow_is_refused() -> None:
    with pytest.raises(Refused, match="coarser map"):
        rated([swath((0.5, 0), (39.5, 0))], strips(*([20.0, 60.0] * 10), width=2.0), FRAME,
              asked(speed_m_s=3.0))  # fmt: skip


@pytest.mark.parametrize(
    ("rates", "changes", "key"),
    [
        ((20.0, 900.0), {}, "error.rate_over"),
        ((20.0, 1.0), {}, "error.rate_under"),
        ((12.0, 100.0), {}, "error.rate_spread"),
        ((20.0, 900.0), {"sprayer": T40, "height_m": 2.5}, "error.rate_over"),
        ((20.0, 60.0), {"sprayer": SERVO, "speed_m_s": 4.0, "height_m": 2.0}, "error.rate_spread"),
        ((40.0, 50.0), {"sprayer": SERVO, "speed_m_s": 6.0, "height_m": 2.0}, "error.rate_speed"),
    ],
)
def test_what_nothing_reaches_is_refused_with_what_and_where(
    rates: tuple[float, ...], changes: dict[str, Any], key: str
) -> None:
    with pytest.raises(Refused) as error:
        rated([swath((1, 0), (39, 0))], strips(*rates), FRAME, asked(**changes))
    assert error.value.message.key == key
    for language in ("vi", "en"):
        text = error.value.text(language)  # type: ignore[arg-type]
        assert "{" not in text
        assert key == "error.rate_speed" or "106" in text


def test_the_rate_and_speed_that_a_refusal_offers_will_do() -> None:
    with pytest.raises(Refused) as over:
        rated([swath((1, 0), (39, 0))], strips(50.0, 900.0), FRAME, asked())
    fits = dict(over.value.message.values)["fits"]
    assert rated([swath((1, 0), (39, 0))], strips(50.0, fits), FRAME, asked())
    servo = {"sprayer": SERVO, "speed_m_s": 6.0, "height_m": 2.0}
    with pytest.raises(Refused) as speed:
        rated([swath((1, 0), (39, 0))], strips(40.0, 50.0), FRAME, asked(**servo))
    told = dict(speed.value.message.values)
    for offered in (told["low"], told["high"]):
        at = {**servo, "speed_m_s": offered}
        assert rated([swath((1, 0), (39, 0))], strips(40.0, 50.0), FRAME, asked(**at))


def test_another_makers_pump_may_change_its_flow_where_speed_does_not_reach() -> None:
    changes = {"sprayer": T40, "speed_m_s": 5.0}
    flown = rated(
        [swath((1, 0), (119, 0))], strips(10.0, 150.0, width=60.0), FRAME, asked(**changes)
    )
    assert [round(p.rate_l_ha) for p in flown] == [10, 150]
    flows = [flow_l_min(p.rate_l_ha, p.width_m, p.speed_m_s) for p in flown]
    assert flows[1] > 1.5 * flows[0]
    check(flown, **changes)


def test_a_servo_pump_flies_one_speed_and_steps_its_pulse() -> None:
    changes = {"sprayer": SERVO, "speed_m_s": 3.0, "height_m": 2.0}
    flown = rated([swath((1, 0), (59, 0))], strips(20.0, 30.0, 25.0), FRAME, asked(**changes))
    assert {p.speed_m_s for p in flown} == {3.0}
    for piece in flown:
        flow = flow_l_min(piece.rate_l_ha, piece.width_m, piece.speed_m_s)
        output = (servo_pwm(SERVO, flow) - 1100) / 800.0
        given = pump_flow_l_min(SERVO, output) / (0.006 * piece.width_m * piece.speed_m_s)
        assert given == pytest.approx(piece.rate_l_ha, rel=0.02)
    check(flown, **changes)


def test_a_spot_keeps_its_litres_and_is_left_out_where_nothing_is_to_be_sprayed() -> None:
    spots = [Pass(points=((x, 0.0),), width_m=4.0, spot_l=0.5, dwell_s=9.0) for x in (10.0, 30.0)]
    assert rated(spots, strips(20.0, 0.0), FRAME, asked()) == (spots[0],)
    with pytest.raises(BadInput, match="no rate"):
        rated(spots, strips(20.0), FRAME, asked())


REFUSALS = {"", "error.rate_nothing", "error.rate_spread", "error.rate_map_fine",
            "error.rate_over", "error.rate_under", "error.rate_speed"}  # fmt: skip
maps = st.lists(st.sampled_from([0.0, 14.0, 20.0, 26.0, 32.0, 40.0]), min_size=2, max_size=8)


@settings(deadline=None)
@given(
    maps,
    st.floats(4.0, 25.0),
    st.lists(st.floats(-55.0, 55.0), min_size=1, max_size=4),
    st.sampled_from(["16 L", "servo", "T40"]),
    st.floats(2.0, 5.0),
)
def test_every_piece_has_its_dose_and_all_litres_are_the_maps(
    rates: list[float], width: float, norths: list[float], name: str, speed: float
) -> None:
    rate_map = strips(*rates, width=width)
    works = [swath((0.0, n), (len(rates) * width, n + 1.0), 4.0) for n in norths]
    changes = {"sprayer": sprayer(name), "speed_m_s": speed, "swath_m": 4.0}
    try:
        flown = rated(works, rate_map, FRAME, asked(**changes))
    except Refused as error:
        refused = error.message.key
    except BadInput as error:
        refused = error.message.key
    else:
        refused = ""
    assert (refused == "error.rate_nothing") is not any(rates)
    assert refused in REFUSALS
    if refused:
        return
    check(flown, **changes)
    flows = [flow_l_min(p.rate_l_ha, p.width_m, p.speed_m_s) for p in flown]
    for piece, flow in zip(flown, flows, strict=True):
        assert flow / (0.006 * piece.speed_m_s * piece.width_m) == pytest.approx(
            piece.rate_l_ha, rel=0.02
        )
    if name == "16 L":
        assert max(flows) == pytest.approx(min(flows))
        assert flows[0] == pytest.approx(held_flow_l_min(HEXA, flows[0]))
    given_l = sum(piece.litres for piece in flown)
    assert given_l == pytest.approx(asked_litres(works, rate_map), rel=0.01)
    assert misplaced(flown, rate_map) <= MAX_ERROR + 0.01


def misplaced(flown: Sequence[Pass], rate_map: RateMap) -> float:
    """Share of the litres that fall where the map asks for others, by sampling."""
    wrong = total = 0.0
    for piece in flown:
        steps = max(1, round(piece.length_m / 0.05))
        far = (np.arange(steps) + 0.5) * piece.length_m / steps
        places = np.array([piece.at(float(m)) for m in far])
        asked_rates = rate_map.rates_at(*FRAME.to_lonlat(*places.T))
        each = piece.length_m / steps * piece.width_m
        wrong += float(np.abs(asked_rates - piece.rate_l_ha).sum()) * each
        total += float(asked_rates.sum()) * each
    return wrong / total if total else math.inf


def test_a_servo_item_keeps_channel_and_pulse_on_board() -> None:
    item = MissionItem(command=Command.DO_SET_SERVO, param1=9.0, param2=1660.0)
    assert canonical(item) == item
    assert canonical(replace(item, param3=4.0)) == item
