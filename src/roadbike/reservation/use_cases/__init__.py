"""What one can do with reservations, one file per story. Each reads: load, decide, save, tell."""
