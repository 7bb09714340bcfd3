"""Who is who: sign-up, log-in, roles and the keys that sign them."""
