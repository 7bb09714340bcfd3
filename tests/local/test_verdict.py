"""What needs a person, and the exit code of `roadbike status`."""

from typing import Any

import msgspec
import pytest

from roadbike.kit.process.status import ServiceStatus
from roadbike.local.commands import verdict
from roadbike.local.commands.status import PartStatus
from roadbike.local.commands.verdict import ExitCode, Reason

WELL: dict[str, Any] = {
    "part": "stock",
    "state": "ready",
    "ready": True,
    "pid": 1,
    "port": 2,
    "restarts": 0,
    "memory_mb": 3.0,
}
QUIET = {"unsent": 0, "lag": 0, "parked": 0, "stuck": 0, "dead": 0, "refused": 0, "pending": 0}

# what is different in a part that is well, and why it needs a person then
CASES: list[tuple[dict[str, Any], list[Reason]]] = [
    ({}, []),
    (QUIET, []),
    ({"restarts": 7}, []),
    (QUIET | {"unsent": 9, "lag": 9, "pending": 9, "unsettled": 9}, []),  # work in progress
    (QUIET | {"lag": None}, []),
    (QUIET | {"lag": None, "missing": 1}, [Reason.MISSING]),
    (QUIET | {"parked": 9}, []),  # retries may still succeed
    (QUIET | {"parked": 9, "stuck": 1}, [Reason.STUCK]),
    (QUIET | {"dead": 1}, [Reason.DEAD]),
    (QUIET | {"refused": 1}, [Reason.REFUSED]),
    (QUIET | {"stuck": 1, "dead": 1}, [Reason.STUCK, Reason.DEAD]),
    ({"ready": False}, [Reason.NOT_READY]),
    ({"ready": False, "state": "stopped", "pid": None}, [Reason.NOT_READY]),
    ({"ready": False, "problem": "does not answer: timed out"}, [Reason.NOT_READY]),
]


@pytest.mark.parametrize(("different", "reasons"), CASES)
def test_what_needs_a_person(different: dict[str, Any], reasons: list[Reason]) -> None:
    row = PartStatus(**WELL | different)

    assert verdict.reasons(row) == reasons
    assert verdict.with_reasons(row) == msgspec.to_builtins(row) | {"needs_a_person": reasons}
    assert verdict.exit_code([PartStatus(**WELL), row]) == bool(reasons)


def test_the_exit_codes() -> None:
    assert [code.value for code in ExitCode] == [0, 1, 2]
    assert verdict.exit_code([]) is ExitCode.ALL_IS_WELL


def test_every_reason_has_a_case() -> None:
    assert {reason for _, reasons in CASES for reason in reasons} == set(Reason)


def test_every_count_of_a_service_is_known_to_the_status() -> None:
    own = {"service", "ready", "database", "broker", "published", "gauges"}
    own |= {"lags", "lag_ms", "unsent_seconds", "shed"}  # in metrics, and in `status --watch`

    assert set(ServiceStatus.__struct_fields__) - own <= set(PartStatus.__struct_fields__)
