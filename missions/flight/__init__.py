"""Flying a plan: from the first question to the record.

The rules are pure; the rim around them opens the link, waits and writes.

* `watching`: what a sighting means for the flight;
* `spray_watch`: the same of its spraying;
* `lean_wind`: the wind as the aircraft's lean tells it;
* `wind_watch`: what that wind means for a spraying;
* `home_watch`: what it means that the point of return was moved;
* `phases`: the values of a flight: phases, events, orders, state;
* `steps`: the rules that join them: a pure step function;
* `recording`: the record as it grows;
* `briefing`: before a flight: look, tell, set what must be set;
* `matching`: whether a track heard and one logged are the same flight;
* `launch`: carries out over a link what the steps order.
"""
