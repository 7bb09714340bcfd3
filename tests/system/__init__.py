"""Tests of the command `roadbike`, which share an open shop until the last of them ends."""
