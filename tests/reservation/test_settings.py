"""What production does not allow."""

import pytest

from roadbike.kit.process.setting_faults import SettingError
from roadbike.kit.process.settings import read
from roadbike.reservation.app import Settings

GOOD = {
    "ROADBIKE_ENV": "production",
    "ROADBIKE_PORT": "8080",
    "ROADBIKE_DATABASE_URL": "postgresql+asyncpg://reservation:secret@postgres/reservation",
    "ROADBIKE_BROKER_URL": "kafka://kafka:9092",
    "ROADBIKE_ACCOUNT_URL": "http://account:8080",
    "ROADBIKE_ACCOUNT_KEYS": '{"keys": []}',
    "ROADBIKE_SERVICE_KEY": '{"kid": "reservation/1"}',
    "ROADBIKE_PAYMENT_URL": "http://payment:8080",
}


def test_the_breaker_is_on_and_can_be_switched_off_elsewhere_only() -> None:
    assert read(Settings, GOOD).breaker == "on"
    assert read(Settings, GOOD | {"ROADBIKE_ENV": "local", "ROADBIKE_BREAKER": "off"})
    with pytest.raises(SettingError, match="ROADBIKE_BREAKER"):
        read(Settings, GOOD | {"ROADBIKE_BREAKER": "off"})
