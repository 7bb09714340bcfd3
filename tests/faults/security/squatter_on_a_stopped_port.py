"""A3: account is stopped and another program answers on its port with a JWKS of its own; measured
is how stock answers an admin token signed with that key, then and when account is back; the
fault is that it is accepted.
"""

import json
import time
from functools import partial
from uuid import uuid4

from roadbike.contracts.identity import AUDIENCE, ISSUER
from roadbike.kit.auth import SigningKey, new_signing_key
from tests.faults.outcome import Outcome, run, say
from tests.faults.people import Person, anybody, buyer, open_shop, order, seen_within
from tests.faults.squatter import squatting

LIFE_SECONDS = 10**7
REFETCH_SECONDS = 40  # stock asks for unknown keys at most once in 30 s
BIKE = {"bikeNm": "by nobody", "price": 1, "stockQty": 1}


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    key = SigningKey.from_jwk(new_signing_key(f"account-signing/{uuid4().hex[:6]}"))
    jwks = json.dumps({"keys": [key.public_jwk()]}).encode()
    with open_shop() as shop:
        nobody, genuine = Person(shop, forged(key)), buyer(shop)
        with squatting(shop, "account", partial(reply, jwks)) as pipe:
            taken = seen_within(lambda: adds_a_bike(nobody), REFETCH_SECONDS, pause=1)
            say(f"account is stopped; the forged token adds a bike: {taken}")
            say(f"account's own token at stock: {genuine.ask('GET', '/stocks').status}")
            login = {"userId": "buyer", "password": "my-real-password"}
            say(f"a log-in: {anybody(shop).ask('POST', '/accounts/tokens', login).status}")
            while pipe.poll():
                caught = pipe.recv()
                say(f"the squatter was sent {caught.path} {caught.body.decode()[:60]}")
        back = adds_a_bike(nobody)
        order(shop, "restart", "stock")
        restarted = adds_a_bike(nobody)
        say(f"account is back: {back}; stock restarted as well: {restarted}")
    later = ", also after account was back" if back or restarted else ""
    text = f"another user of the machine became admin{later}" if taken else "refused"
    return Outcome(taken or back or restarted, text)


def reply(jwks: bytes, path: str, _body: bytes) -> bytes:
    return jwks if "jwks" in path else b'{"ready":true}'


def forged(key: SigningKey) -> str:
    now = int(time.time())
    who = {"iss": ISSUER, "aud": AUDIENCE, "sub": "nobody", "roles": ["admin"]}
    return key.sign(who | {"iat": now, "exp": now + LIFE_SECONDS})


def adds_a_bike(person: Person) -> bool:
    return person.ask("POST", "/stocks", BIKE).status == 201


if __name__ == "__main__":
    raise SystemExit(main())
