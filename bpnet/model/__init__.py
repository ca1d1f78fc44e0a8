"""Models: networks, ensembles of networks, and their files."""
