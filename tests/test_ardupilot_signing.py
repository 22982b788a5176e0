"""Signing with a real ArduCopter; skipped, with the reason, where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agri.errors import LinkError, Refused
from agri.geo import LonLat
from missions.flight.briefing import look
from missions.link.doctor import examine
from missions.link.keying import install_key
from missions.link.link import Link
from missions.link.signing import DOCTOR_LINK, Signing, SigningState
from missions.wire.telemetry import CopterMode
from sitl.ardupilot import ArduPilot
from tests.test_ardupilot_link import real_copter
from tests.test_link import PLAN
from tests.test_link_signing import KEY, OTHER, Kept

pytestmark = pytest.mark.ardupilot

HOME = LonLat(lon_deg=106.51, lat_deg=21.08)


@pytest.fixture
def copter() -> Iterator[ArduPilot]:
    with real_copter(speedup=10.0) as running:
        yield running


def settle(link: Link) -> None:
    """Wait until the autopilot has started; before that it takes no mission."""
    link.wait(lambda: link.telemetry().time_s > 10.0, 60.0, "error.link_lost")


def test_a_real_autopilot_takes_the_key_signs_with_it_and_demands_it_on_its_radio_port(
    copter: ArduPilot,
) -> None:
    """Its first port is its USB port; the second stands for the radio's."""
    kept, measuring = Kept(), Kept()
    with Link.connect(copter.url) as wire:
        settle(wire)
        assert wire.signing is SigningState.OFF
        install_key(wire, kept.signing())
        assert wire.signing is SigningState.ON
    radio = copter.more_urls[0]
    with Link.connect(radio, signing=kept.signing()) as link:
        assert link.upload(PLAN).plan_digest == PLAN.digest
        link.set_mode(CopterMode.GUIDED)
        assert link.heard().refused.for_signature == 0
        assert "finding.link_unsigned" not in {f.key for f in look(link, PLAN, wait_s=0.0).findings}
    with Link.connect(radio) as bare:
        assert bare.signing is SigningState.NO_KEY
        with pytest.raises(Refused):
            look(bare, PLAN)
        with pytest.raises(LinkError):
            bare._call(176, [1.0, float(CopterMode.STABILIZE)], word="mode", tries=3)
        assert bare.telemetry().mode_name == "GUIDED"
    with pytest.raises(LinkError) as told:
        Link.connect(radio, signing=Kept().signing(OTHER), deadline_s=4.0)
    assert told.value.message.key == "error.link_signature"
    signing = Signing(key=KEY, memory=measuring.memory, keep=measuring, link_id=DOCTOR_LINK)
    with Link.connect(radio, signing=signing, quiet=True) as link:
        seen = examine(link, seconds=5.0)
    assert seen.asked == seen.answered == 50
    assert seen.loss_down == 0.0
    assert all(rate.hz >= rate.needed_hz for rate in seen.rates), seen.rates


def test_a_real_autopilot_takes_a_new_key_in_place_of_the_old_one(copter: ArduPilot) -> None:
    for key in (KEY, OTHER):
        with Link.connect(copter.url) as wire:
            settle(wire)
            install_key(wire, Kept().signing(key))
    with Link.connect(copter.more_urls[0], signing=Kept().signing(OTHER)) as link:
        assert link.read_parameters(["RTL_ALT"])[0].value == 1500.0
    with pytest.raises(LinkError):
        Link.connect(copter.more_urls[0], signing=Kept().signing(KEY), deadline_s=4.0)
