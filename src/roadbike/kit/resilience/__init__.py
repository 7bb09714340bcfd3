"""Behaviour under load and failure: deadlines, concurrency limit, circuit breaker, batching."""
