"""What one can do with payments, one file per story. Each reads: load, decide, save, tell."""
