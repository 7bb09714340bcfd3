"""The home page: server-rendered pages for buyers, made of the other services' HTTP APIs."""
