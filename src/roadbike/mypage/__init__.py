"""My Page: shows how every purchase stands. Consumes all purchase events, publishes none."""
