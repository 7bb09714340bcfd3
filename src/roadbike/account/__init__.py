"""Account: sign-up, log-in, roles, and the keys that sign access tokens."""
