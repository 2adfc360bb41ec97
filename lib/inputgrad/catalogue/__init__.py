"""Names: the data sets, networks, recipes and choices there are. Needs no torch."""
