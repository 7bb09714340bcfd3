"""One service as a process: its parts, settings, HTTP server and background work."""
