"""The address that a request comes from, as far as it can be trusted."""

from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from litestar.connection import Request

from roadbike.kit.pure.callers import IPV6_PREFIX

GATEWAY_KEY: Final = "x-gateway-key"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Our own gateway, which alone is believed about the address of a client.

    hops: the number of our own proxies, the gateway included; 0 means that there is no gateway.
    key: what it sends in the header X-Gateway-Key, which it takes from all other requests.
    """

    hops: int = 0
    key: str = ""

    def hops_of(self, sent_key: str | None) -> int:
        """Return how many proxies a request came through that has this key; 0 without the key."""
        known = sent_key is not None and compare_digest(sent_key.encode(), self.key.encode())
        return self.hops if known and self.key else 0


NO_GATEWAY: Final = Gateway()


def provide_client(request: Request[Any, Any, Any]) -> str:
    """Return the client's IPv4 address or IPv6 network; see `client_of`."""
    gateway: Gateway = request.app.state["gateway"]
    peer = request.client.host if request.client else ""
    forwarded = request.headers.getall("x-forwarded-for", [])
    hops = gateway.hops_of(request.headers.get(GATEWAY_KEY))
    return client_of(peer, ",".join(forwarded), hops)


def client_of(peer: str, forwarded: str, trusted_hops: int) -> str:
    """Return the client's IPv4 address or IPv6 /64 network; "unknown" when it is not an address.

    Trust only what our own proxies wrote into X-Forwarded-For: with n of them, the client is the
    n-th entry from the right. With 0 trusted hops it is the peer of the connection.
    """
    chain = [part.strip() for part in forwarded.split(",") if part.strip()]
    address = peer
    if trusted_hops and chain:
        address = chain[max(0, len(chain) - trusted_hops)]
    try:
        ip = ip_address(address)
    except ValueError:
        return UNKNOWN
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ip_network((ip, IPV6_PREFIX), strict=False))
    return str(ip)
