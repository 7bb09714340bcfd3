"""A member of staff at the gateway of the cluster."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import httpx

from tests.cluster.kubectl import until
from tests.cluster.shop import ClusterShop

UNITS: Final = 1_000_000
NO_HEADERS: Final[Mapping[str, str]] = {}


class Staff:
    """A member of staff at the gateway of the cluster."""

    def __init__(self, shop: ClusterShop) -> None:
        self._shop = shop.file
        self.http = httpx.Client(base_url=self._shop.gateway, timeout=20)

    def token(self, user: str = "admin") -> str:
        body = {"userId": user, "password": self._shop.logins[user]}
        answer = self.http.post("/accounts/tokens", json=body)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        user: str = "admin",
        more: Mapping[str, str] = NO_HEADERS,
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(user)}", **more}
        return self.http.request(method, path, json=body, headers=headers)

    def bike(self) -> int:
        """Put a bike on sale, and return its number when reservation sells it."""
        bike = {"bikeNm": "CLUSTER 54", "price": 3_300_000, "stockQty": UNITS, "brand": "TREK"}
        made = self.ask("POST", "/stocks", bike)
        assert made.status_code == 201, made.text
        bike_id: int = made.json()["bikeId"]

        def is_sold() -> bool:
            return self.ask("POST", "/reservations", {"bikeId": bike_id}).status_code == 201

        until(is_sold, "the bike is sold")
        return bike_id

    def reserved(self, bike_id: int) -> dict[str, Any]:
        """Reserve as a buyer, who comes back when asked to."""
        key = {"Idempotency-Key": uuid4().hex}

        def made() -> dict[str, Any] | None:
            answer = self.ask("POST", "/reservations", {"bikeId": bike_id}, "buyer", key)
            assert answer.status_code in {201, 503}, answer.text
            found: dict[str, Any] = answer.json()
            return found if answer.status_code == 201 else None

        found: dict[str, Any] = until(made, "the bike is reserved")
        return found

    def count(self) -> int:
        """Return how many reservations there are, as soon as reservation answers."""

        def page() -> dict[str, int] | None:
            answer = self.ask("GET", "/reservations?size=1")
            assert answer.status_code in {200, 503}, answer.text
            found: dict[str, int] = answer.json().get("page")
            return found

        number: int = until(page, "the reservations are counted")["totalElements"]
        return number
