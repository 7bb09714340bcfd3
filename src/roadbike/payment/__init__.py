"""Payment: the money of one reservation. Opened synchronously, everything else by events."""
