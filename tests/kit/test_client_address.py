"""The client's address is taken from X-Forwarded-For only as our own proxies wrote it."""

import pytest

from roadbike.kit.web.client import Gateway, client_of

PEER = "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "hops", "client"),
    [
        (PEER, "", 0, PEER),
        (PEER, "6.6.6.6", 0, PEER),
        (PEER, "", 1, PEER),
        (PEER, "1.2.3.4", 1, "1.2.3.4"),
        (PEER, "6.6.6.6, 1.2.3.4", 1, "1.2.3.4"),
        (PEER, "6.6.6.6, 1.2.3.4, 10.0.0.9", 2, "1.2.3.4"),
        (PEER, "1.2.3.4", 2, "1.2.3.4"),
        (PEER, "6.6.6.6,", 1, "6.6.6.6"),
        (PEER, "not an address", 1, "unknown"),
        ("", "", 0, "unknown"),
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::/64"),
        (PEER, "2001:db8:1:2:ffff::1", 1, "2001:db8:1:2::/64"),
        ("::ffff:1.2.3.4", "", 0, "1.2.3.4"),
    ],
)
def test_the_client_is_the_address_that_our_own_proxies_saw(
    peer: str, forwarded: str, hops: int, client: str
) -> None:
    assert client_of(peer, forwarded, hops) == client


@pytest.mark.parametrize(
    ("gateway", "sent", "hops"),
    [
        (Gateway(1, "key"), "key", 1),
        (Gateway(1, "key"), "kez", 0),
        (Gateway(1, "key"), "", 0),
        (Gateway(1, "key"), None, 0),
        (Gateway(1, ""), "", 0),
        (Gateway(), "", 0),
        (Gateway(1, "key"), "é", 0),
    ],
)
def test_only_the_gateway_with_its_key_is_believed(
    gateway: Gateway, sent: str | None, hops: int
) -> None:
    assert gateway.hops_of(sent) == hops
