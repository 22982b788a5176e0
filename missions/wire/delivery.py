"""Bringing a whole plan on board: fence, then rally, the mission last, and proof of each.

A `Delivery` drives `missions.wire.transfer` and `missions.wire.download` machines one after the
other; what one learns of the link's pace the next goes on with. For each of the three plans it
uploads, downloads everything, and compares **canonical digests** with what was meant; only
a match is success. Four whole attempts are made; a download that does not match is made once more
before the upload is repeated, because an echo of an older download can spoil one. The fence goes
first, so that a broken upload never leaves a mission without its fence; the mission goes last.

However it ends otherwise, what the aircraft holds is unknown, and whoever asked must treat it so:
nothing may be armed (`missions.link.link` keeps that lock).

The same machine, told to send nothing, proves again what is on board.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agri.errors import AgriError, LinkError
from agri.words import Message
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, MissionItem, MissionType, digest
from missions.wire.download import Download, DownloadState
from missions.wire.messages import Pair, Received
from missions.wire.pace import Pace
from missions.wire.transfer import Sends, Upload, UploadState

ORDER = (MissionType.FENCE, MissionType.RALLY, MissionType.MISSION)
"""The order the three plans are sent in."""
ATTEMPTS = 4
DOWNLOADS_PER_ATTEMPT = 2

REASONS = {
    1: "generic",
    2: "frame",
    3: "unsupported",
    4: "no_space",
    5: "invalid",
    6: "param1",
    7: "param2",
    8: "param3",
    9: "param4",
    10: "param5",
    11: "param6",
    12: "param7",
    14: "denied",
}
"""MAV_MISSION_RESULT to the word after ``link.refused_`` in the dictionaries."""

Stage = Literal["upload", "verify", "download"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a transfer is: item `done` of `total` of one plan."""

    stage: Stage
    mission_type: MissionType
    done: int
    total: int
    attempt: int = 1

    @property
    def message(self) -> Message:
        """The sentence to show."""
        return Message.of(
            f"link.progress_{self.stage}",
            plan=plan_word(self.mission_type),
            done=self.done,
            total=self.total,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Proof that the aircraft holds a plan: its digest, compared after a full download.

    Parameters
    ----------
    plan_digest : str
        Digest of the `FlightPlan` that is on board.
    mission_digest, fence_digest, rally_digest : str
        Digests of its three item lists as they were downloaded.
    verified_s : float
        When the comparison ended, on the link's clock.
    """

    plan_digest: str
    mission_digest: str
    fence_digest: str
    rally_digest: str
    verified_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBoard:
    """What the aircraft holds, home left out."""

    mission: tuple[MissionItem, ...]
    fence: tuple[MissionItem, ...]
    rally: tuple[MissionItem, ...]


def plan_word(mission_type: MissionType) -> Message:
    """Return the name of one of the three plans, to be put in a sentence."""
    return Message.of(f"link.plan_{mission_type.name.lower()}")


def home_item(plan: FlightPlan) -> MissionItem:
    """Return the item 0 that ArduPilot expects and rewrites by itself."""
    return MissionItem(
        command=Command.NAV_WAYPOINT,
        frame=Frame.GLOBAL,
        x=plan.home.lat_e7,
        y=plan.home.lon_e7,
        z=plan.home_altitude_m,
    )


class Fetching:
    """A machine that downloads the three plans.

    Parameters
    ----------
    pair : Pair
        Who is listened to.

    Attributes
    ----------
    error : AgriError or None
        Why it failed, once `finished`.
    onboard : OnBoard or None
        What came, once `finished` without error.
    """

    def __init__(self, pair: Pair) -> None:
        self.error: AgriError | None = None
        self.onboard: OnBoard | None = None
        self._pair = pair
        self._got: dict[MissionType, tuple[MissionItem, ...]] = {}
        self._left = list(ORDER)
        self._attempt = 1
        self._pace = Pace()
        self._machine = Download(self._left[0], self._pace)

    @property
    def finished(self) -> bool:
        """Whether it is over, well or not."""
        return self.error is not None or self.onboard is not None

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        return self._machine.wake_s

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return download_progress("download", self._machine, self._attempt)

    def start(self, now_s: float) -> Sends:
        """Begin at `now_s`."""
        return self._machine.start(now_s)

    def receive(self, received: Received, now_s: float) -> Sends:
        """Take one message; return what to send."""
        if self.finished or not self._pair.admits(received):
            return ()
        return self._go_on(self._machine.receive(received.body, now_s), now_s)

    def tick(self, now_s: float) -> Sends:
        """Let time pass; return what to send."""
        return () if self.finished else self._go_on(self._machine.tick(now_s), now_s)

    def _go_on(self, sends: Sends, now_s: float) -> Sends:
        machine = self._machine
        if not machine.finished:
            return sends
        if machine.state is DownloadState.BROKEN or None in machine.items:
            self._attempt += 1
            if self._attempt > ATTEMPTS:
                plan = plan_word(machine.mission_type)
                self.error = LinkError("error.link_download_broken", plan=plan)
                return sends
        else:
            self._got[self._left.pop(0)] = without_home(machine)
        if self._left:
            self._machine = Download(self._left[0], self._pace)
            return sends + self._machine.start(now_s)
        self.onboard = OnBoard(
            mission=self._got[MissionType.MISSION],
            fence=self._got[MissionType.FENCE],
            rally=self._got[MissionType.RALLY],
        )
        return sends


def without_home(download: Download) -> tuple[MissionItem, ...]:
    """Return what was downloaded without ArduPilot's item 0 and without what is no item."""
    skip = 1 if download.mission_type is MissionType.MISSION else 0
    return tuple(item for item in download.items[skip:] if item is not None)


def download_progress(stage: Stage, machine: Download, attempt: int) -> Progress:
    """Return how far a download is."""
    return Progress(
        stage=stage,
        mission_type=machine.mission_type,
        done=len(machine.items),
        total=machine.count,
        attempt=attempt,
    )


class Delivery:
    """A machine that brings a plan on board and proves it, or proves only.

    Parameters
    ----------
    plan : FlightPlan
        What is meant to be on board.
    pair : Pair
        Who is listened to.
    send : bool
        False: send nothing, only download and compare.

    Attributes
    ----------
    error : AgriError or None
        Why it failed, once `finished`; what is on board is then unknown.
    verified : Verified or None
        The proof, once `finished` without error.
    """

    def __init__(self, plan: FlightPlan, pair: Pair, *, send: bool = True) -> None:
        self.error: AgriError | None = None
        self.verified: Verified | None = None
        self._plan_digest = plan.digest
        self._pair = pair
        self._send = send
        self._wire = {kind: plan.wire_items(kind) for kind in ORDER}
        self._meant = {kind: digest(items) for kind, items in self._wire.items()}
        self._home = home_item(plan)
        self._left = list(ORDER)
        self._attempt = 1
        self._downloads = 0
        self._pace = Pace()
        self._machine: Upload | Download = self._first_machine()

    @property
    def finished(self) -> bool:
        """Whether it is over, well or not."""
        return self.error is not None or self.verified is not None

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        return self._machine.wake_s

    @property
    def progress(self) -> Progress:
        """How far it is."""
        machine = self._machine
        if isinstance(machine, Download):
            return download_progress("verify", machine, self._attempt)
        return Progress(
            stage="upload",
            mission_type=machine.mission_type,
            done=machine.offered + 1,
            total=len(self._items(machine.mission_type)),
            attempt=self._attempt,
        )

    def start(self, now_s: float) -> Sends:
        """Begin at `now_s`."""
        return self._machine.start(now_s)

    def receive(self, received: Received, now_s: float) -> Sends:
        """Take one message; return what to send."""
        if self.finished or not self._pair.admits(received):
            return ()
        return self._go_on(self._machine.receive(received.body, now_s), now_s)

    def tick(self, now_s: float) -> Sends:
        """Let time pass; return what to send."""
        return () if self.finished else self._go_on(self._machine.tick(now_s), now_s)

    def _items(self, kind: MissionType) -> tuple[MissionItem, ...]:
        items = self._wire[kind]
        return (self._home, *items) if kind is MissionType.MISSION else items

    def _first_machine(self) -> Upload | Download:
        kind = self._left[0]
        self._downloads = 0
        if not self._send:
            return Download(kind, self._pace)
        clear = self._attempt % 2 == 0
        return Upload(self._items(kind), kind, clear=clear, pace=self._pace)

    def _go_on(self, sends: Sends, now_s: float) -> Sends:
        machine = self._machine
        if not machine.finished:
            return sends
        if isinstance(machine, Upload):
            following = self._after_upload(machine)
        else:
            following = self._after_download(machine, now_s)
        if following is None:
            return sends
        self._machine = following
        return sends + following.start(now_s)

    def _after_upload(self, machine: Upload) -> Upload | Download | None:
        if machine.state is UploadState.REFUSED:
            self.error = self._refused(machine)
            return None
        if machine.state is UploadState.BROKEN:
            return self._try_again()
        return Download(machine.mission_type, self._pace)

    def _after_download(self, machine: Download, now_s: float) -> Upload | Download | None:
        kind = machine.mission_type
        if self._matches(machine):
            self._left.pop(0)
            self._attempt = 1
            if self._left:
                return self._first_machine()
            self.verified = Verified(
                plan_digest=self._plan_digest,
                mission_digest=self._meant[MissionType.MISSION],
                fence_digest=self._meant[MissionType.FENCE],
                rally_digest=self._meant[MissionType.RALLY],
                verified_s=now_s,
            )
            return None
        self._downloads += 1
        if self._downloads < DOWNLOADS_PER_ATTEMPT:
            return Download(kind, self._pace)
        return self._try_again()

    def _matches(self, machine: Download) -> bool:
        if machine.state is not DownloadState.DONE or None in machine.items:
            return False
        kind = machine.mission_type
        items = without_home(machine)
        return len(items) == len(self._wire[kind]) and digest(items) == self._meant[kind]

    def _try_again(self) -> Upload | Download | None:
        self._attempt += 1
        if self._attempt <= (ATTEMPTS if self._send else 1):
            return self._first_machine()
        key = "error.link_mission_unknown" if self._send else "error.link_mission_differs"
        self.error = LinkError(key, plan=plan_word(self._left[0]), attempts=ATTEMPTS)
        return None

    def _refused(self, machine: Upload) -> LinkError:
        reason = REASONS.get(machine.refusal or 0, "generic")
        return LinkError(
            "error.link_refused",
            plan=plan_word(machine.mission_type),
            item=max(machine.offered, 0),
            reason=Message.of(f"link.refused_{reason}"),
        )
