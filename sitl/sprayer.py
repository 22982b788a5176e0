"""ArduPilot's sprayer: a pump whose output follows the speed, and a spinner.

Once switched on it pumps whenever the aircraft moves faster than SPRAY_SPEED_MIN (after 0.1 s
above it, until 1 s below it), with an output of SPRAY_PUMP_RATE per cent for each m/s over the
ground, not below SPRAY_PUMP_MIN. **Nothing but an order switches it off**: not a return, not a
landing, not a disarm. Without SPRAY_ENABLE the order is accepted and does nothing.

What hangs on the outputs (tank, pump, nozzles) is `sitl.spray_gear`.
"""

from __future__ import annotations

from sitl.parameters import Parameters

TURN_ON_S = 0.1
SHUT_OFF_S = 1.0
SPRAYER_HZ = 3.0


class Sprayer:
    """The outputs to pump and spinner.

    Attributes
    ----------
    running : bool
        Whether it has been ordered on.
    spraying : bool
        Whether the pump turns.
    ever_ran : bool
        Whether it ever was ordered on since switch-on: before, its servos have no output.
    pump_share : float
        Pump output, 0 to 1.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.running = self.spraying = self.ever_ran = False
        self.pump_share = 0.0
        self._over_s: float | None = None
        self._under_s: float | None = None
        self._looked_s = -1.0

    def order(self, on: bool) -> None:
        """Switch it on or off, if it is enabled at all."""
        self.running = on and self._parameters["SPRAY_ENABLE"] != 0.0
        self.ever_ran = self.ever_ran or self.running
        if not self.running:
            self._stop()

    def step(self, speed_m_s: float, now_s: float) -> None:
        """Let time pass: the pump is looked after three times a second."""
        if now_s - self._looked_s < 1.0 / SPRAYER_HZ - 1e-6:
            return
        self._looked_s = now_s
        if not self.running or self._parameters["SPRAY_ENABLE"] == 0.0:
            self.order(False)
            return
        self._judge(speed_m_s, now_s)

    def _judge(self, speed_m_s: float, now_s: float) -> None:
        p = self._parameters
        should = self.spraying
        if speed_m_s * 100.0 >= p["SPRAY_SPEED_MIN"]:
            self._under_s = None
            if not self.spraying:
                self._over_s = now_s if self._over_s is None else self._over_s
                should = now_s - self._over_s > TURN_ON_S
        else:
            self._over_s = None
            if self.spraying:
                self._under_s = now_s if self._under_s is None else self._under_s
                should = now_s - self._under_s <= SHUT_OFF_S
        if not should:
            self._stop()
            return
        self.spraying = True
        percent = max(p["SPRAY_PUMP_MIN"], speed_m_s * p["SPRAY_PUMP_RATE"])
        self.pump_share = min(1.0, percent / 100.0)

    def _stop(self) -> None:
        self.spraying = False
        self.pump_share = 0.0
