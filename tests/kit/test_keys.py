"""Keys are read strictly and never quoted; a cached token expires."""

import json

import pytest

from roadbike.kit.auth import KeyFault, SigningKey, public_keys
from roadbike.kit.auth.cache import TokenCache
from tests.kit.tokens import KEY


def test_a_cached_token_still_expires() -> None:
    now = 100.0
    cache: TokenCache[str] = TokenCache(clock=lambda: now)
    cache.put("token", "kim", seconds=60)

    assert cache.get("token") == "kim"
    now = 160.0
    assert cache.get("token") is None


@pytest.mark.parametrize(
    "text",
    [
        "secret-text",
        "[]",
        '{"kty": "oct", "k": "secret-text", "kid": "a"}',
        '{"kty": "OKP", "crv": "Ed25519", "x": "secret-text", "kid": "a"}',
        '{"kty": "OKP", "crv": "Ed25519", "x": 1, "kid": "a"}',
    ],
)
def test_the_error_for_a_broken_key_does_not_quote_it(text: str) -> None:
    for read in (SigningKey.from_jwk, lambda t: public_keys(f'{{"keys": [{t}]}}')):
        with pytest.raises(KeyFault) as fault:
            read(text)
        assert "secret-text" not in str(fault.value)


def test_a_public_key_is_not_accepted_as_signing_key() -> None:
    with pytest.raises(KeyFault):
        SigningKey.from_jwk(json.dumps(KEY.public_jwk()))
