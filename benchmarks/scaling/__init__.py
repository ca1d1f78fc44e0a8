"""Ranks beyond this machine: a cost model, what it is made of, and what it says."""
