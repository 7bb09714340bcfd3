"""Jobs that run once, each in a child process; the only package here that imports services."""
