"""Two sprayings: the paddy by swaths, the orchard tree by tree, both by their rate maps.

Theory of operation. Each is a job as a farmer plans it, with its buffers, its sorties and its mix
card. The paddy's first sortie is called home half-way, as a person does whose pack is low; its rest
is planned from what the pump told it had sprayed, and flown with a full pack. What fell where is
the as-applied map of every flight.
"""

from __future__ import annotations

import threading
from contextlib import suppress

from agri.errors import AgriError, Refused
from agri.operations.demonstration.season import SPRAYED, Done, Season, morning, ready
from agri.operations.demonstration.surveying import ORCHARD, PADDY
from agri.operations.fly import Flown, Pilot
from agri.operations.planning import PlannedFlight
from agri.operations.report import Facts, fact
from agri.operations.sorties import resume_flight
from agri.operations.spray import PlannedJob, SprayRequest, plan_job
from agri.operations.trees import TreesRequest, plan_orchard
from agri.weather import Wind
from agri.words import say
from agri.workspace import Outcome
from missions.catalogue import sprayer
from missions.flight.launch import FlightProgress
from missions.link.link import Link
from missions.sprayer.job import Product

WIND = Wind(speed_m_s=2.0, from_deg=180.0)
"""A southerly breeze: from the rươi paddy towards the field."""
PADDY_L_HA, ORCHARD_L_HA = 20.0, 300.0
TREE_HEIGHT_M = 3.6
"""Taken for all trees: colours alone tell no height."""
MOST_RESTS = 6
"""More rests than this are a computer that cannot keep up."""
HOME_AT = 0.45
"""Share of the mission's items after which the aircraft is called home."""


class CalledHome:
    """A pilot who says yes, and calls the aircraft home when half of the work is done."""

    def __init__(self) -> None:
        self._link: Link | None = None
        self._called = False

    def _hold(self, link: Link) -> None:
        self._link = link

    def _look(self, progress: FlightProgress) -> None:
        told = progress.telemetry
        far = (told.mission_current or 0) >= HOME_AT * progress.items
        if self._called or self._link is None or not far or not told.pump_share > 0.1:
            return
        self._called = True
        threading.Thread(target=self._call, args=(self._link,), daemon=True).start()

    @staticmethod
    def _call(link: Link) -> None:
        with suppress(AgriError):
            link.return_home()

    @property
    def pilot(self) -> Pilot:
        """The person's part of the launch."""
        calm = ready()
        return Pilot(may_set=calm.may_set, may_arm=calm.may_arm, on_link=self._hold,
                     on_progress=self._look)  # fmt: skip


def spray(season: Season) -> Done:
    """Plan both sprayings and fly them; the paddy's first sortie comes home early."""
    wet = plan_job(season.farm, _asked(season, PADDY), language=season.language,
                   now=morning(SPRAYED))  # fmt: skip
    first, *others = wet.sorties
    flown = [season.fly(first, SPRAYED, pilot=CalledHome().pilot)]
    if flown[0].record.outcome == Outcome.LANDED:
        raise Refused("error.demo_not_broken_off", plan=first.plan.name)
    flown += [season.fly(one, SPRAYED) for one in others]
    high = _orchard(season)
    flown += [season.fly(one, SPRAYED) for one in high.sorties]
    return _told(season, flown, plans=(*wet.sorties, *high.sorties))


def rest(season: Season) -> Done:
    """After the change of the pack: plan what was left, of every spraying that broke off; fly it.

    Besides the paddy's, that is whatever the aircraft's own failsafes brought home, as the loss of
    the ground station does where the computer is busy with other work; and the rest of a rest.
    """
    broken = [one for one in season.flown if _broken(one)]
    flown: list[Flown] = []
    while broken and len(flown) < MOST_RESTS:
        planned = resume_flight(season.farm, broken.pop(0).stored.uid, overlap_m=0.0,
                                language=season.language, now=morning(SPRAYED))  # fmt: skip
        for one in planned.sorties if planned is not None else ():
            flown.append(season.fly(one, SPRAYED))
            broken += [flown[-1]] if _broken(flown[-1]) else []
    if broken:
        raise Refused("error.demo_broken_off", plan=broken[0].plan.name, count=len(flown))
    return _told(season, flown)


def _broken(flight: Flown) -> bool:
    return flight.plan.spray is not None and flight.record.outcome != Outcome.LANDED


def applied(season: Season) -> Done:
    """Look at what fell where."""
    sprayed = [one for one in season.flown if one.applied is not None]
    facts: Facts = []
    litres = sum(one.applied.applied.litres for one in sprayed if one.applied)
    outside_l = sum(one.applied.applied.outside_l for one in sprayed if one.applied)
    fact(facts, season.language, "page.fact_season_sprayed", litres=litres,
         flights=len(sprayed), outside_l=outside_l)  # fmt: skip
    return Done(
        facts=facts,
        pictures=tuple(one.applied.picture for one in sprayed if one.applied),
        files=tuple(one.applied.raster for one in sprayed if one.applied),
        findings=tuple(found for one in sprayed if one.applied for found in one.applied.findings),
    )


def _asked(season: Season, name: str) -> SprayRequest:
    field = season.paddy if name == PADDY else season.orchard
    product = Product(name=say("demo.leaf_feed", season.language), dose_per_ha=500.0, phi_days=0)
    return SprayRequest(
        fields=(field.name,), sprayer=sprayer(), product=product, wind=WIND,
        rate_l_ha=PADDY_L_HA if name == PADDY else ORCHARD_L_HA,
        rate_map=season.rates[name].asked.rate_map(),
    )  # fmt: skip


def _orchard(season: Season) -> PlannedJob:
    assert season.trees is not None  # noqa: S101 - the steps come in their order
    request = TreesRequest(job=_asked(season, ORCHARD), trees=season.trees.files[0],
                           height_m=TREE_HEIGHT_M)  # fmt: skip
    return plan_orchard(season.farm, request, language=season.language, now=morning(SPRAYED))


def _told(season: Season, flown: list[Flown], plans: tuple[PlannedFlight, ...] = ()) -> Done:
    facts: Facts = []
    for one in flown:
        litres = one.applied.applied.litres if one.applied else 0.0
        planned = one.plan.spray.estimate.litres if one.plan.spray else 0.0
        facts.append((one.plan.name, say("page.fact_sprayed_litres_value", season.language,
                                         litres=litres, planned=planned)))  # fmt: skip
    pictures = (*(one.picture for one in plans), *(one.picture for one in flown))
    return Done(facts=facts, pictures=pictures, files=tuple(one.page for one in flown))
