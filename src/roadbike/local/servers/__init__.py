"""The servers of the shop on one machine: PostgreSQL, NATS, Traefik."""
