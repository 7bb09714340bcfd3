"""Third-party servers on one machine: PostgreSQL, NATS, Traefik."""
