"""Events between services: outbox, relay, broker, inbox."""
