"""One module per job; the only floor that joins missions, imagery, models and the simulator."""
