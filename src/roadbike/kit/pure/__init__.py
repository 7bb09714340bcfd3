"""What a domain may import: events, lifecycles, refusals. Standard library and msgspec only."""
