"""What staff do while a browser looks: over the API, with the token of the demo's admin."""

import time
from collections.abc import Callable
from http import HTTPStatus
from itertools import count
from typing import Any, Final

import httpx

from tests.system.real_shop import Shop

TOKEN_SECONDS: Final = 120.0
NUMBERS: Final = count(7000)


class Staff:
    """Calls the shop's API as admin."""

    def __init__(self, shop: Shop) -> None:
        self.url = shop.address("gateway")
        self._password = shop.shop_file["logins"]["admin"]
        self._token = ""
        self._until = 0.0  # when the token is replaced; it lives ten minutes, the tests longer

    @property
    def headers(self) -> dict[str, str]:
        """Return the header with a token that is valid for minutes."""
        if time.monotonic() >= self._until:
            body = {"userId": "admin", "password": self._password}
            answer = httpx.post(f"{self.url}/accounts/tokens", json=body, timeout=30)
            answer.raise_for_status()
            self._token = answer.json()["access_token"]
            self._until = time.monotonic() + TOKEN_SECONDS
        return {"Authorization": f"Bearer {self._token}"}

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = httpx.request(method, self.url + path, json=body, headers=sent, timeout=10)
        assert answer.is_success, (method, path, answer.text)
        return answer.json() if answer.content else None

    def bike(self, units: int = 5, **more: Any) -> int:
        """Put a new bike on sale, and return its number."""
        number = next(NUMBERS)
        usual = {"bikeNm": f"Test Bike {number}", "price": 1_000_000, "stockQty": units}
        self.call("POST", "/stocks", usual | {"bikeId": number, "frameSize": "54"} | more)
        self.wait_for(f"/bikes/{number}")
        return number

    def wait_for(self, path: str, seconds: float = 20) -> None:
        """Wait until the page exists: the catalogue follows by events."""
        end = time.monotonic() + seconds
        while (answer := httpx.get(self.url + path)).status_code != HTTPStatus.OK:
            assert time.monotonic() < end, (path, answer.status_code)
            time.sleep(0.05)

    def wait_for_text(self, path: str, text: str, seconds: float = 20) -> None:
        """Wait until the page says it: geometries are read again after some seconds."""
        end = time.monotonic() + seconds
        while text not in httpx.get(self.url + path).text:
            assert time.monotonic() < end, (path, text)
            time.sleep(0.1)

    def edit(self, bike_id: int, **changes: Any) -> None:
        found = httpx.get(f"{self.url}/stocks/{bike_id}")
        self.call("PATCH", f"/stocks/{bike_id}", changes, If_Match=found.headers["etag"])

    def move(self, reservation_id: str, status: str, **more: str) -> None:
        """Move the parcel of a purchase."""
        page = self.call("GET", f"/deliveries?reserveId={reservation_id}")
        [parcel] = page["_embedded"]["deliveries"]
        path = f"/deliveries/{parcel['deliveryId']}"
        self.call("PATCH", path, {"deliveryStatus": status, **more})

    def delivery(self, reservation_id: str) -> Any:
        """Return the delivery of a purchase, which has one."""
        page = self.call("GET", f"/deliveries?reserveId={reservation_id}")
        [parcel] = page["_embedded"]["deliveries"]
        return self.call("GET", f"/deliveries/{parcel['deliveryId']}")

    def correct(self, reservation_id: str, **contact: str) -> None:
        """Correct where the parcel of a purchase goes."""
        path = f"/deliveries/{self.delivery(reservation_id)['deliveryId']}"
        read = httpx.get(self.url + path, headers=self.headers)
        self.call("PATCH", path, contact, If_Match=read.headers["etag"])

    def until_delivery(self, reservation_id: str, status: str) -> None:
        """Wait until the delivery of a purchase has that status."""
        self._wait_until(lambda: self._deliveries(reservation_id, deliveryStatus=status))

    def until_allocated(self, reservation_id: str) -> None:
        """Wait until the parcel of a purchase can be sent."""
        self._wait_until(
            lambda: [each for each in self._deliveries(reservation_id) if "start" in each["_links"]]
        )

    def until_shipped(self, reservation_id: str) -> None:
        """Wait until reservation knows that the bike has left."""
        path = f"/reservations/{reservation_id}"
        self._wait_until(lambda: "cancel" not in self.call("GET", path)["_links"])

    def _deliveries(self, reservation_id: str, **wanted: str) -> list[Any]:
        page = self.call("GET", f"/deliveries?reserveId={reservation_id}")
        found = page["_embedded"]["deliveries"]
        return [each for each in found if each | wanted == each]

    def _wait_until(self, holds: Callable[[], object], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it has not happened"
            time.sleep(0.05)
