"""The page of metrics and alerts: from kit/metrics.py and deploy/prometheus/alerts.yml."""

from pathlib import Path
from typing import Any, Final

import yaml

from roadbike.kit import metrics
from tools.docs.tables import table

ALERTS: Final = "deploy/prometheus/alerts.yml"
NONE: Final = "–"
ABOUT: Final = f"""\
# Metrics

Each process of a service has its metrics at `/metrics` of its own port, in Prometheus' text format.
The gateway does not pass this path on (404). There are no names, addresses or ids of users in them,
and every label has few values. Counters begin at 0 with the process; Prometheus knows that.

A scrape configuration for a shop that `roadbike up` has opened on the default ports; `roadbike
status` shows the ports, and each replica has one of its own:

```yaml
rule_files: [alerts.yml]  # {ALERTS}
scrape_configs:
  - job_name: roadbike
    scrape_interval: 15s
    static_configs:
      - {{targets: ["127.0.0.1:8081"], labels: {{service: stock}}}}
      - {{targets: ["127.0.0.1:8082"], labels: {{service: reservation}}}}
      - {{targets: ["127.0.0.1:8083"], labels: {{service: payment}}}}
      - {{targets: ["127.0.0.1:8084"], labels: {{service: delivery}}}}
      - {{targets: ["127.0.0.1:8085"], labels: {{service: mypage}}}}
      - {{targets: ["127.0.0.1:8086"], labels: {{service: account}}}}
      - {{targets: ["127.0.0.1:8087"], labels: {{service: storefront}}}}
```

What a service has to do is read from its database and the broker, at most once a second. Each
replica shows the same numbers there: take `max by (service)`, not the sum. Histograms have the
usual series `_bucket`, `_sum` and `_count`; a `_count` is the number of requests or calls.
`process_…` are the usual metrics of a process: CPU time, memory, open files, start.

What the process counts costs about 2 µs of CPU time a request (`tests.kit.web.measure_reports`).
"""
ABOUT_ALERTS: Final = f"""\
## Alerts

The rules in [{ALERTS}](../{ALERTS}). `page` means that somebody should look now, `ticket` that
somebody should look today. Each fires in a test with promtool (`make test ARGS=tests/deploy`).
"""


def page(root: Path) -> str:
    """Return the page."""
    found = yaml.safe_load((root / ALERTS).read_text(encoding="utf-8"))
    rules = [rule for group in found["groups"] for rule in group["rules"]]
    return "\n".join(
        [
            ABOUT,
            "## What there is\n",
            table(
                ["metric", "kind", "labels", "what it is"],
                [_row(each) for each in metrics.DEFINED],
            ),
            "",
            ABOUT_ALERTS,
            table(
                ["alert", "fires when", "for", "severity", "what to do"],
                [_alert(rule) for rule in rules],
            ),
            "",
        ]
    )


def _row(each: metrics.Definition) -> list[str]:
    labels = ", ".join(f"`{name}`" for name in each.labels)
    return [f"`{each.name}`", each.kind, labels or NONE, each.about]


def _alert(rule: dict[str, Any]) -> list[str]:
    lasts = NONE if rule["for"] == "0m" else rule["for"]
    when = f"`{rule['expr']}`"
    severity = rule["labels"]["severity"]
    return [rule["alert"], when, lasts, severity, rule["annotations"]["action"]]
