"""The link to one aircraft: the only sockets, and a thread that keeps them served.

`missions.flight` asks it, with a deadline, and hears every sighting; what is said stands in
`missions.wire`.

* `address`: connection strings, checked before anything is opened;
* `tlog`: the raw log of a flight;
* `signing`: the key of one aircraft, and timestamps that never go back;
* `clock`: seconds that go on while the computer sleeps;
* `peer`: who is heard and answered on a UDP port;
* `hearing`: who else is on the link;
* `trust`: may it be trusted with an aircraft;
* `radio`: the one place that opens a socket or a serial port;
* `service`: the thread that takes messages and drives the machines;
* `stops`: what goes out to stop a flight;
* `asking`: waiting for an answer, with a deadline;
* `ordering`: of the orders that stop a flight only the newest stands;
* `link`: everything that can be asked of one aircraft;
* `keying`: an aircraft is given its key, by cable;
* `quality`, `diagnosis`, `doctor`: how good a link is, what is wrong with it, measuring it.
"""
