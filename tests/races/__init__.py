"""Tests of races, which share an open shop until the last of them ends."""
