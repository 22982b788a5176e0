"""The mix card holds the right amounts, speaks both languages, loads nothing, and is one page."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from agri.errors import BadInput
from agri.field import SensitiveKind, SensitiveSite
from agri.operations.mix_card import MAX_SPARED, MixCard, keep_card, mix_card, render_mix_card
from agri.weather import Wind
from agri.words import LANGUAGES, Language, dictionary, say
from agri.workspace import Workspace
from missions.drift.limits import SprayLimits
from missions.flightplan import FlightPlan
from missions.sprayer.job import DoseUnit, SpraySettings
from missions.sprayer.mixture import mixture
from tests.plans import PLAN, box, lonlat
from tests.sprays import PRODUCT, SETTINGS, SPRAYER, spray_plan

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DAY = date(2026, 11, 22)
HIVES = SensitiveSite(
    name="Ong ông Tư", kind=SensitiveKind.BEES, geometry=lonlat(box(-150, 20, -140, 30))
)


def sorties(count: int, settings: SpraySettings = SETTINGS) -> list[FlightPlan]:
    """All full but the last: 8 swaths, 14.4 L, each, then 3 swaths, 5.4 L."""
    return [
        spray_plan(8 if number < count else 3, sortie=number, sorties=count, settings=settings)
        for number in range(1, count + 1)
    ]


def card_of(*plans: FlightPlan, language: Language = "vi") -> MixCard:
    return mix_card(plans, day=DAY, language=language)


def seen(html: str) -> str:
    """What can be read on the page."""
    body = re.sub(r"<style>.*?</style>|<title>.*?</title>", "", html, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", "\n", body).replace("\u00a0", " ")
    return re.sub(r"\s*\n\s*", "\n", text)


def with_field(plan: FlightPlan, *places: SensitiveSite, **values: str) -> FlightPlan:
    assert plan.site is not None
    field = replace(plan.site.field, **values)
    spared = (*plan.site.sensitive_sites, *places)
    return replace(plan, site=replace(plan.site, field=field, sensitive_sites=spared))


def other(**product: object) -> SpraySettings:
    return replace(SETTINGS, product=replace(PRODUCT, **product))


# --- amounts ------------------------------------------------------------------------------------


def test_each_flight_has_its_litres_product_and_water() -> None:
    card = card_of(*sorties(3))
    rows = [(f.mixture.litres, f.mixture.product_amount, f.mixture.water_l) for f in card.fills]
    # 20 ml a litre; the first tank takes the 0.4 L its pump cannot draw, 296 ml for 14.8 L
    assert rows == [(14.8, 295.0, 14.5), (14.4, 290.0, 14.1), (5.4, 110.0, 5.3)]
    assert [f.mixture.area_m2 for f in card.fills] == pytest.approx([7200.0, 7200.0, 2700.0])
    assert [(f.number, f.sortie, f.sorties) for f in card.fills] == [
        (1, 1, 3),
        (2, 2, 3),
        (3, 3, 3),
    ]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_totals_are_the_sums_of_the_rows(count: int) -> None:
    card = card_of(*sorties(count))
    assert card.litres == pytest.approx(sum(f.mixture.litres for f in card.fills))
    assert card.product_amount == sum(f.mixture.product_amount for f in card.fills)
    assert card.water_l == pytest.approx(sum(f.mixture.water_l for f in card.fills))
    assert card.area_m2 == pytest.approx((8 * (count - 1) + 3) * 900.0)
    text = seen(render_mix_card(card, "en"))
    shown = [float(v) for v in re.findall(r"\+ ([\d.]+) L", text)]
    assert len(shown) == count
    assert sum(shown) == pytest.approx(card.water_l)
    assert f"{card.water_l:.1f} L" in text


def test_each_aircraft_begins_with_an_empty_tank() -> None:
    second = replace(SETTINGS, sprayer=replace(SPRAYER, name="Second", dead_l=0.7))
    plans = [*sorties(2), *sorties(2, second)]
    card = card_of(*plans)
    assert [f.mixture.rest_l for f in card.fills] == [0.4, 0.0, 0.7, 0.0]
    assert [f.aircraft for f in card.fills] == ["Test sprayer"] * 2 + ["Second"] * 2
    # in the settings and, since there are two, in the rows of its fillings
    assert seen(render_mix_card(card)).count("Second") == 3


def test_the_rows_show_what_the_values_say() -> None:
    text = seen(render_mix_card(card_of(*sorties(2))))
    for shown in ("295 ml", "+ 14,5 lít", "= 14,8 lít", "110 ml", "+ 5,3 lít", "= 5,4 lít"):
        assert shown in text
    assert "405 ml" in text
    assert "20,0 sào (0,72 ha)" in text
    assert "400 ml/ha" in text
    assert "14,4 ml/sào" in text


def test_grams_stay_grams_and_large_amounts_have_kilograms_beside_them() -> None:
    card = card_of(*sorties(3, other(unit=DoseUnit.G, dose_per_ha=1000.0)))
    text = seen(render_mix_card(card, "en"))
    # 50 g a litre: 740 + 720 + 270
    assert "1730 g (1.73 kg)" in text
    assert " ml" not in text
    assert card.water_l == pytest.approx(14.8 + 14.4 + 5.4)


def test_an_amount_too_small_for_a_cup_is_marked() -> None:
    card = card_of(spray_plan(1, settings=other(dose_per_ha=7.0)))
    assert card.is_coarse
    for language in LANGUAGES:
        assert say("card.coarse", language) in seen(render_mix_card(card, language))
        assert "⚠" not in seen(render_mix_card(card_of(with_label(0.0)), language))


def with_label(distance_m: float) -> FlightPlan:
    return spray_plan(settings=other(label_buffer_m=distance_m))


# --- what else it says --------------------------------------------------------------------------


def test_the_first_harvest_follows_from_the_day_and_the_label() -> None:
    card = card_of(spray_plan())
    assert card.first_harvest == date(2026, 12, 6)
    assert "06/12/2026" in seen(render_mix_card(card, "vi"))
    assert "06 Dec 2026" in seen(render_mix_card(card, "en"))
    unknown = card_of(spray_plan(settings=other(phi_days=0)))
    assert unknown.first_harvest is None
    assert say("card.harvest_label", "vi") in seen(render_mix_card(unknown))


def test_what_is_spared_stands_with_the_distance_kept() -> None:
    card = card_of(with_field(spray_plan(), HIVES))
    assert [place.name for place in card.spared] == ["Ao cá", "Ong ông Tư"]
    # from what may be sprayed (95 m west, 55 m south of the middle) to the pond and the hives
    assert [place.distance_m for place in card.spared] == pytest.approx([17.0, 45.0], abs=0.1)
    text = seen(render_mix_card(card))
    assert "Ong ông Tư: giữ cách 45 m" in text
    assert say("card.tell_bees_named", "vi") in text
    assert say("card.tell_bees", "vi") in seen(render_mix_card(card_of(spray_plan())))


def test_nearer_than_the_label_asks_is_marked() -> None:
    assert 'class="close"' in render_mix_card(card_of(with_label(20.0)))
    assert 'class="close"' not in render_mix_card(card_of(with_label(10.0)))


def test_of_many_places_the_nearest_are_named() -> None:
    many = [
        SensitiveSite(
            name=f"Nhà {n}",
            kind=SensitiveKind.HOUSE,
            geometry=lonlat(box(120 + 9 * n, 0, 125 + 9 * n, 5)),
        )
        for n in range(12)
    ]
    spared = card_of(with_field(spray_plan(), *many), with_field(spray_plan(), *many)).spared
    assert len(spared) == MAX_SPARED
    assert [place.distance_m for place in spared] == sorted(p.distance_m for p in spared)
    assert len({place.name for place in spared}) == MAX_SPARED


@pytest.mark.parametrize(
    ("wind", "shown"),
    [
        (Wind(speed_m_s=1.5, from_deg=45.0), "gió Đông Bắc 1,5 m/s"),
        (Wind(speed_m_s=2.0, from_deg=350.0), "gió Bắc 2,0 m/s"),
        (Wind(speed_m_s=2.0, from_deg=None), "gió mọi hướng 2,0 m/s"),
    ],
)
def test_the_wind_it_was_planned_for_is_told(wind: Wind, shown: str) -> None:
    card = card_of(spray_plan(settings=replace(SETTINGS, wind=wind)))
    assert shown in seen(render_mix_card(card))


def test_limits_are_those_the_weather_is_judged_by() -> None:
    tight = SprayLimits(start_m_s=2.0, stop_m_s=2.5, temperature_c=28.0)
    text = seen(render_mix_card(mix_card([spray_plan()], day=DAY, language="vi", limits=tight)))
    assert "Gió 0,5 đến 2,0 m/s" in text
    assert "Không quá 28 °C" in text
    assert "Gió 0,5 đến 3,0 m/s" in seen(render_mix_card(card_of(spray_plan())))


def test_the_machine_is_set_as_the_job_was_planned() -> None:
    text = seen(render_mix_card(card_of(spray_plan()), "en"))
    # 0.006 · 20 L/ha · 5 m · 4 m/s
    for shown in ("2.40 L/min", "20.0 L", "4.0 m/s", "2.5 m", "5.0 m", "Test sprayer"):
        assert shown in text


def test_fields_and_crops_stand_once_and_digests_for_each_flight() -> None:
    plans = [with_field(plan, name="Ruộng Bến", crop="Vải") for plan in sorties(3)]
    card = card_of(*plans)
    assert (card.fields, card.crops) == (("Ruộng Bến",), ("Vải",))
    text = seen(render_mix_card(card))
    for plan in plans:
        assert plan.digest[:8] in text


# --- what it refuses ----------------------------------------------------------------------------


def test_a_card_is_for_spray_plans_of_one_product() -> None:
    with pytest.raises(BadInput) as none:
        card_of()
    assert none.value.message.key == "error.card_empty"
    with pytest.raises(BadInput) as survey:
        card_of(spray_plan(), PLAN)
    assert survey.value.message.key == "error.not_a_spray_plan"
    with pytest.raises(BadInput) as mixed:
        card_of(spray_plan(), spray_plan(settings=other(dose_per_ha=500.0)))
    assert mixed.value.message.key == "error.card_products"


# --- the page -----------------------------------------------------------------------------------


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    html = render_mix_card(card_of(*sorties(2)))
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert not re.search(r"\bsrc=|url\(|@import|https?://", html)
    assert set(re.findall(r'href="([^"]+)"', html)) <= {
        f"#{name}" for name in re.findall(r'<symbol id="(\w+)"', html)
    }


def test_a_name_from_a_strangers_label_stays_text() -> None:
    evil = "</style><script>alert(1)</script>"
    plan = with_field(spray_plan(settings=other(name=evil)), name=evil, crop=evil)
    html = render_mix_card(card_of(plan))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 4


def test_both_languages_say_the_same() -> None:
    card = card_of(*sorties(2))
    pages = {language: render_mix_card(card, language) for language in LANGUAGES}
    tags = {language: re.findall(r"<(\w+)", page) for language, page in pages.items()}
    assert tags["vi"] == tags["en"]
    for language, page in pages.items():
        assert f'<html lang="{language}"' in page
        assert not re.search(r"card\.[a-z]", seen(page))
        assert "{" not in seen(page)
    assert render_mix_card(card) == pages["vi"]


def test_every_word_of_the_card_is_spoken_on_some_card() -> None:
    calm = spray_plan(settings=replace(other(phi_days=0), wind=Wind(speed_m_s=1.0)))
    powder = sorties(3, other(unit=DoseUnit.G, dose_per_ha=1000.0))
    small = spray_plan(1, settings=other(dose_per_ha=7.0))
    liquid = sorties(3, other(dose_per_ha=1000.0))
    winds = [spray_plan(settings=replace(SETTINGS, wind=Wind(speed_m_s=1.0, from_deg=45.0 * n)))
             for n in range(8)]  # fmt: skip
    groups = [[with_field(calm, HIVES)], powder, liquid, [small], winds]
    text = "".join(
        render_mix_card(card_of(*plans), "en").replace("\u00a0", " ") for plans in groups
    )
    for key, sentence in dictionary("en").items():
        if key.startswith("card."):
            plain = max(re.split(r"\{[^}]*\}", sentence), key=len).strip(" .")
            assert plain.replace("'", "&#39;") in text, key


def test_the_card_is_kept_with_the_farms_reports(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        page = keep_card(farm, "phieu-pha", card_of(spray_plan()))
        assert page.parent == farm.reports
        assert page.read_text("utf-8") == render_mix_card(card_of(spray_plan()))


def long_names(plans: list[FlightPlan]) -> list[FlightPlan]:
    houses = [
        SensitiveSite(
            name=f"Nhà văn hoá thôn Đồng Ý số {n}",
            kind=SensitiveKind.HOUSE,
            geometry=lonlat(box(120 + 9 * n, 0, 125 + 9 * n, 5)),
        )
        for n in range(8)
    ]
    name = "Ruộng Bến Đò phía sau nhà văn hoá thôn"
    return [with_field(plan, *houses, name=name, crop="Vải chín sớm Bình Khê") for plan in plans]


def printed_pages(html: str, folder: Path) -> int:
    page, pdf = folder / "card.html", folder / "card.pdf"
    page.write_text(html, "utf-8")
    subprocess.run(
        [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
         f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={pdf}", page.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes()))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to print with")
@pytest.mark.parametrize(
    ("count", "language", "pages"), [(1, "en", 1), (6, "vi", 1), (6, "en", 1), (12, "vi", 2)]
)
def test_it_prints_on_one_page_for_six_flights_and_on_two_for_twelve(
    tmp_path: Path, count: int, language: Language, pages: int
) -> None:
    long = other(name="Thuốc trừ sâu sinh học Bacillus thuringiensis 16 000 IU")
    plans = sorties(count, long)
    if count == 6:  # two aircraft
        second = replace(long, sprayer=replace(SPRAYER, name="Máy bay thứ hai"))
        plans = [*sorties(3, long), *sorties(3, second)]
    card = card_of(*long_names(plans))
    found = printed_pages(render_mix_card(card, language), tmp_path)
    assert found == pages if pages == 1 else 1 <= found <= pages


def test_the_mixture_of_the_card_is_that_of_the_job() -> None:
    plan = spray_plan(8)
    assert plan.spray is not None
    assert card_of(plan).fills[0].mixture == mixture(plan.spray, empty_tank=True)
