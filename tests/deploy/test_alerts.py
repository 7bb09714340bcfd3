"""The alert rules use metrics that exist, fire when they should, and say what to do.

`make test` fetches promtool; where it cannot, these tests fail.
"""

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from roadbike.kit import metrics
from tools import promtool

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy/prometheus/alerts.yml"
NAME: Final = re.compile(r"\b(?:up|roadbike_[a-z_]+)\b")
SUFFIXES: Final = ("_bucket", "_sum", "_count")
LABELS: Final = 'job="roadbike",instance="127.0.0.1:8082",service="reservation"'
ROUTE: Final = 'method="POST",route="/reservations"'

# by alert: the series in which it has to fire; a number without `+` stays
FIRING: Final[dict[str, list[tuple[str, str]]]] = {
    "ServiceDown": [("up{}", "0")],
    "NotReady": [("roadbike_ready{}", "0")],
    "DatabaseDown": [("roadbike_database_up{}", "0")],
    "BrokerLost": [("roadbike_broker_connected{}", "0")],
    "BrokerMissing": [("roadbike_broker_missing{}", "1")],
    "OutboxOld": [("roadbike_outbox_age_seconds{}", "31")],
    "ConsumerBehind": [('roadbike_consumer_lag{topic="bike.stock"}', "1001")],
    "EventsDelayed": [
        ('roadbike_event_delay_seconds_bucket{le="2.5"}', "0+1"),
        ('roadbike_event_delay_seconds_bucket{le="10"}', "0+9"),
        ('roadbike_event_delay_seconds_bucket{le="+Inf"}', "0+9"),
    ],
    "StuckEvents": [('roadbike_messages_waiting{state="stuck"}', "1")],
    "DeadLetters": [('roadbike_messages_waiting{state="dead"}', "1")],
    "RefusedEvents": [('roadbike_messages_total{outcome="refused"}', "0+1")],
    "BreakerOpen": [('roadbike_breaker_state{breaker="payment",state="open"}', "1")],
    "RequestsFail": [(f'roadbike_http_request_seconds_count{{{ROUTE},status="500"}}', "0+1")],
    "RequestsRefused": [
        (f'roadbike_http_request_seconds_count{{{ROUTE},status="503"}}', "0+1"),
        (f'roadbike_http_request_seconds_count{{{ROUTE},status="201"}}', "0+9"),
    ],
    "ReservationsSlow": [
        (f'roadbike_http_request_seconds_bucket{{{ROUTE},status="201",le="0.61"}}', "0+1"),
        (f'roadbike_http_request_seconds_bucket{{{ROUTE},status="201",le="1"}}', "0+9"),
        (f'roadbike_http_request_seconds_bucket{{{ROUTE},status="201",le="+Inf"}}', "0+9"),
    ],
    "PoolBusy": [('roadbike_pool_busy_total{pool="writes"}', "0+1")],
    "ProviderUnknown": [
        ('roadbike_call_seconds_count{to="provider",call="confirm",outcome="Unknown"}', "0+1"),
        ('roadbike_call_seconds_count{to="provider",call="confirm",outcome="Approved"}', "0+5"),
    ],
}
WELL: Final = [
    ("up{}", "1"),
    ("roadbike_ready{}", "1"),
    ("roadbike_database_up{}", "1"),
    ("roadbike_broker_connected{}", "1"),
    ("roadbike_broker_missing{}", "0"),
    ("roadbike_outbox_age_seconds{}", "2"),
    ('roadbike_consumer_lag{topic="bike.stock"}', "40"),
    ('roadbike_event_delay_seconds_bucket{le="0.25"}', "0+99"),
    ('roadbike_event_delay_seconds_bucket{le="+Inf"}', "0+99"),
    ('roadbike_messages_waiting{state="stuck"}', "0"),
    ('roadbike_messages_waiting{state="dead"}', "0"),
    ('roadbike_messages_total{outcome="refused"}', "0"),
    ('roadbike_breaker_state{breaker="payment",state="open"}', "0"),
    (f'roadbike_http_request_seconds_count{{{ROUTE},status="201"}}', "0+99"),
    (f'roadbike_http_request_seconds_count{{{ROUTE},status="409"}}', "0+9"),
    (f'roadbike_http_request_seconds_bucket{{{ROUTE},status="201",le="0.25"}}', "0+99"),
    (f'roadbike_http_request_seconds_bucket{{{ROUTE},status="201",le="+Inf"}}', "0+99"),
    ('roadbike_pool_busy_total{pool="writes"}', "3"),
    ('roadbike_call_seconds_count{to="provider",call="confirm",outcome="Approved"}', "0+5"),
]


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


ALERTS: Final = [alert["alert"] for alert in alerts()]


def checked(*arguments: str | Path) -> str:
    """Run promtool and return what it printed. Fails when it finds a fault, or is missing."""
    program = promtool.found()
    assert program, promtool.MISSING
    done = subprocess.run(  # noqa: S603
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def series(named: tuple[str, str]) -> dict[str, str]:
    name, values = named
    metric, _, labels = name.rstrip("}").partition("{")
    both = ",".join(filter(None, [LABELS, labels]))
    return {
        "series": f"{metric}{{{both}}}",
        "values": f"{values}x80" if "+" in values else f"{values}+0x80",
    }


def expect(folder: Path, given: list[tuple[str, str]], query: str, *, firing: bool) -> None:
    """Check with promtool whether the query finds something after 15 minutes."""
    samples = [{"labels": "{}", "value": 1}] if firing else []
    case = {
        "interval": "15s",
        "input_series": [series(each) for each in given],
        "promql_expr_test": [{"expr": query, "eval_time": "15m", "exp_samples": samples}],
    }
    file = folder / "case.yml"
    document = {"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": [case]}
    file.write_text(yaml.safe_dump(document))
    checked("test", "rules", file)


def test_promtool_accepts_the_rules() -> None:
    assert f"{len(ALERTS)} rules found" in checked("check", "rules", RULES)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_fires_when_it_should(name: str, tmp_path: Path) -> None:
    query = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
    expect(tmp_path, FIRING[name], query, firing=True)


def test_nothing_fires_while_all_is_well(tmp_path: Path) -> None:
    expect(tmp_path, WELL, "count(ALERTS)", firing=False)


@pytest.mark.parametrize("alert", alerts(), ids=ALERTS)
def test_an_alert_names_metrics_that_exist_and_what_to_do(alert: dict[str, Any]) -> None:
    known = {"up", *(each.name for each in metrics.DEFINED)}
    known |= {f"{each.name}{end}" for each in metrics.DEFINED for end in SUFFIXES}

    assert set(NAME.findall(alert["expr"])) <= known
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"]
    assert len(alert["annotations"]["action"]) > 40
    assert set(alert["annotations"]) == {"summary", "action"}
