"""The embedded simulator: an ArduCopter-like vehicle that speaks MAVLink, an honest opponent."""
