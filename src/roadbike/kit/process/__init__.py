"""One service as a process: its description, settings, server and background work."""
