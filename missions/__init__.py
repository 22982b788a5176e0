"""Missions: planning, checking, exporting and flying what an ArduPilot copter is to do."""
