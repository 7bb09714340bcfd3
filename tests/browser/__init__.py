"""Tests of pages, which share an open shop and a browser until the last of them ends."""
