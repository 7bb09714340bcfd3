"""The one-machine mode: the whole shop as real processes on one computer, without Docker."""
