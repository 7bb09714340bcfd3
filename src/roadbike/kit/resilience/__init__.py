"""Refusing in time: deadlines, limits on work in flight, circuit breaker, batching."""
