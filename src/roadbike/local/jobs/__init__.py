"""Jobs that run once, each in a process of its own. Only this package may import services."""
