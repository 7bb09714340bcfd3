"""Each log-in is one log line, with the user id if it exists, and never with what was typed."""

from typing import Any

import pytest
from structlog.testing import capture_logs

CANARY = "canary-9f2c correct horse"


def lines(logs: Any) -> list[dict[str, Any]]:
    return [dict(line) for line in logs if line["event"].startswith("login.")]


async def test_a_log_in_is_one_line(sign_up: Any, log_in: Any) -> None:
    await sign_up("kim")

    with capture_logs() as logs:
        await log_in("KIM", address="192.0.2.7")

    assert lines(logs) == [
        {
            "event": "login.succeeded",
            "log_level": "info",
            "user": "kim",
            "client": "192.0.2.7",
        }
    ]


async def test_a_wrong_password_is_one_line(sign_up: Any, log_in: Any) -> None:
    await sign_up("kim")

    with capture_logs() as logs:
        await log_in("KIM", "wrong horse", address="192.0.2.7")

    assert lines(logs) == [
        {
            "event": "login.failed",
            "log_level": "warning",
            "user": "kim",
            "client": "192.0.2.7",
            "reason": "wrong-credentials",
        }
    ]


async def test_a_log_in_over_the_limit_is_one_line(sign_up: Any, log_in: Any) -> None:
    await sign_up("kim")
    for _ in range(3):
        await log_in("kim", "wrong horse")

    with capture_logs() as logs:
        assert (await log_in("kim")).status_code == 429

    assert [(line["user"], line["reason"]) for line in lines(logs)] == [
        ("kim", "too-many-requests")
    ]


async def test_a_user_id_that_does_not_exist_is_not_logged(log_in: Any) -> None:
    with capture_logs() as logs:
        await log_in(CANARY[:20], "wrong horse")  # a password typed into the wrong field

    assert [line["user"] for line in lines(logs)] == [None]
    assert CANARY[:20] not in repr(logs)


@pytest.mark.parametrize("right", [True, False])
async def test_no_line_has_the_password_the_name_or_the_token(
    sign_up: Any, log_in: Any, *, right: bool
) -> None:
    with capture_logs() as logs:
        await sign_up("kim", CANARY)
        response = await log_in("kim", CANARY if right else CANARY + "x")

    assert len(lines(logs)) == 1
    shown = repr(logs)
    assert CANARY not in shown
    assert "김자전거" not in shown
    assert response.json().get("access_token", CANARY) not in shown
