"""The use cases of payment, one file per story. Each reads: load, decide, save, publish."""
