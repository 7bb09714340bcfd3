"""E1–E6: every event is sent, kept by the broker, and applied once by each group that needs it.

Only events that are younger than the shortest retention are looked at: older ones may be deleted
in one place and not yet in another.
"""

from typing import Final

from roadbike.ops.audit.invariants.invariant import Invariant

EVENTS: Final = (
    Invariant(
        id="E1",
        key="event",
        reads=("outbox",),
        settled=True,
        sql="SELECT event_id, type FROM outbox WHERE sent_at IS NULL",
    ),
    Invariant(  # the broker's log is read back by `broker_log`
        id="E2",
        key="event",
        reads=("lost",),
        settled=True,
        sql="SELECT event_id, service FROM lost",
    ),
    Invariant(
        id="E3",
        key="event",
        reads=("outbox", "inbox", "parked"),
        also=("subscription",),
        settled=True,
        # what was published again counts for the first one; its last event stands for all before
        sql="""
            SELECT o.event_id, o.type || ' > ' || s.service
            FROM outbox o JOIN subscription s ON s.type = o.type
            WHERE o.sent_at > :young AND NOT EXISTS (
                SELECT 1 FROM inbox i
                WHERE i.event_id = o.event_id AND i.service = s.service AND i.topic = o.topic
            ) AND NOT EXISTS (
                SELECT 1 FROM parked q
                WHERE q.event_id = o.event_id AND q.service = s.service AND q.topic = o.topic
                    AND q.state <> :message_parked
            ) AND NOT EXISTS (
                SELECT 1 FROM outbox again JOIN inbox i
                    ON i.event_id = again.event_id AND i.service = s.service
                WHERE again.key = o.key AND again.kind = o.kind AND again.topic = o.topic
                    AND (again.version = o.version OR (
                        again.version > o.version AND again.event_id = republished_id(
                            again.topic, again.kind, again.key, again.version
                        )
                    ))
            )
            UNION
            SELECT event_id, service FROM inbox
            GROUP BY service, topic, event_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        id="E4",
        key="event",
        reads=("inbox", "outbox"),
        sql="""
            SELECT event_id, topic || ' > ' || service FROM inbox
            WHERE event_id NOT IN (SELECT event_id FROM outbox)
                AND received_at > :young
                AND (substr(event_id, 15, 1) <> '7' OR event_id > :young_id)
        """,
    ),
    Invariant(
        id="E5",
        key="aggregate",
        reads=("counter", "outbox"),
        sql="""
            SELECT key, service || ' ' || kind FROM (
                SELECT key, service, kind, min(version) AS first, max(version) AS last,
                    count(DISTINCT version) AS versions, count(*) AS events,
                    sum(event_id = republished_id(topic, kind, key, version)) AS again
                FROM outbox WHERE sent_at IS NULL OR sent_at > :young
                GROUP BY service, kind, key
            ) o
            WHERE versions <> last - first + 1 OR events - again > versions OR last < (
                SELECT max(c.version) FROM counter c
                WHERE c.key = o.key AND c.kind = o.kind AND c.service = o.service
            )
        """,
    ),
    Invariant(
        id="E6",
        key="event",
        reads=("parked",),
        settled=True,
        sql="SELECT event_id, topic || ' > ' || service FROM parked WHERE state = :message_dead",
    ),
)
