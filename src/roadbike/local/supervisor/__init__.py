"""Start processes, keep them running, stop them. Independent of what the shop sells."""
