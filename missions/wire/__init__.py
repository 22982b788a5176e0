"""On the wire: what is said to the aircraft and what it says, without a socket and a clock.

Machines as tables: messages and the time go in, messages come out. `missions.link` drives them;
preflight and flight judge the values they give.

* `messages`: the values that cross the link, and the one encoder;
* `pace`: how long an answer is waited for, learnt from the link;
* `transfer`: one plan up, item by item;
* `download`: one plan down, a few items at a time;
* `delivery`: fence, rally points and mission brought on board, and proof of each;
* `commands`: commands and parameters, sent until they are answered;
* `telemetry`: what the aircraft tells, folded into one value;
* `sightings`: the same for those who watch, one after the other;
* `pinging`: how good the way there and back is;
* `pump`: the servo output that the sprayer's pump hangs on.
"""
