"""Python's garbage collector, set for a process that serves requests for days."""

import gc


def tune_garbage_collector() -> None:
    """Exclude all objects loaded so far, whose repeated collection took a quarter of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
