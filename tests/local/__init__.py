"""Tests of one-machine mode, which share a shop of stubs until the last of them ends."""
