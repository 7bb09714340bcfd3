"""How long idle connections are kept, at both ends: the end that sends gives them up first.

A client that sends on a connection which the server is closing just then gets no answer, and cannot
know whether its request was received. So each client of ours closes or renews a connection well
before its server would:

| connection | the client gives up after | the server closes after |
|---|---|---|
| our HTTP clients to a service | CLIENT_IDLE_SECONDS | SERVER_IDLE_SECONDS |
| the gateway to a service | CLIENT_IDLE_SECONDS | SERVER_IDLE_SECONDS |
| a pool to PostgreSQL | it ends | never: `idle_session_timeout` is 0 |
| a service to NATS | never: it sends a ping each second | 2 minutes without any data |
| the demo to the gateway | 15 s (aiohttp) | 180 s (Traefik) |

Our HTTP clients are made in kit/process/http_client.py. All others (health checks, the fetch of
account's keys, commands) send one request per connection.
"""

from typing import Final

CLIENT_IDLE_SECONDS: Final = 2.0
SERVER_IDLE_SECONDS: Final = 5.0  # 3 s more: a client whose event loop lags is still in time
# A connection without a request during the whole drain was given up by its client before it ends.
DRAIN_MS: Final = 2_500
