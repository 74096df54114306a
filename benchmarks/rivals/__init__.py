"""How others certify additive noise, to be timed beside gsmooth on the same network."""
