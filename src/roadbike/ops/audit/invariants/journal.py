"""H1 and H2: the answers that clients have had, by their journals, and their idempotency keys."""

from typing import Final

from roadbike.ops.audit.invariants.invariant import Invariant

JOURNAL: Final = (
    Invariant(
        id="H1",
        key="reservation",
        reads=("reservation", "payment", "attempt"),
        settled=True,
        journal=True,
        sql="""
            SELECT coalesce(j.id, 'line ' || j.line), j.method || ' ' || j.status FROM journal j
            WHERE j.status BETWEEN 200 AND 299 AND (
                (j.method = 'POST' AND j.path = '/reservations' AND NOT EXISTS (
                    SELECT 1 FROM reservation r WHERE r.reservation_id = j.id AND r.registered
                )) OR (j.method = 'DELETE' AND j.path LIKE '/reservations/%' AND NOT EXISTS (
                    SELECT 1 FROM reservation r
                    WHERE '/reservations/' || r.reservation_id = j.path
                        AND r.status = :r_cancelled
                )) OR (j.method = 'PATCH' AND j.path LIKE '/payments/%' AND NOT EXISTS (
                    SELECT 1 FROM payment p JOIN attempt a USING (reservation_id)
                    WHERE '/payments/' || p.payment_id = j.path
                ))
            )
            UNION
            SELECT r.reservation_id, r.user_id FROM reservation r JOIN (
                SELECT user_id, min(began) AS began, max(ended) AS ended FROM journal
                WHERE method = 'POST' AND path = '/reservations'
                GROUP BY user_id HAVING count(*) = count(key)
            ) u ON u.user_id = r.user_id AND r.reserved_at BETWEEN u.began AND u.ended
            WHERE r.status = :r_reserved
                AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.id = r.reservation_id)
                AND NOT EXISTS (
                    SELECT 1 FROM idempotency i JOIN journal j
                        ON j.key = i.key AND j.user_id = i.user_id
                    WHERE i.reservation_id = r.reservation_id
                )
        """,
        also=("idempotency",),
    ),
    Invariant(
        id="H2",
        key="reservation",
        reads=("idempotency", "reservation"),
        settled=True,
        sql="""
            SELECT reservation_id, user_id FROM idempotency
            GROUP BY user_id, key HAVING count(*) > 1
            UNION
            SELECT i.reservation_id, i.user_id
            FROM idempotency i LEFT JOIN reservation r USING (reservation_id)
            WHERE i.response IS NULL OR r.reservation_id IS NULL
        """,
    ),
    Invariant(
        id="H2",
        key="reservation",
        reads=("idempotency",),
        settled=True,
        journal=True,
        sql="""
            SELECT j.id, 'line ' || j.line FROM journal j JOIN journal first
                ON first.key = j.key AND first.user_id = j.user_id
                    AND first.method = j.method AND first.path = j.path
            WHERE j.status BETWEEN 200 AND 299 AND first.status BETWEEN 200 AND 299
                AND j.body <> first.body
            UNION
            SELECT j.id, 'line ' || j.line FROM journal j JOIN idempotency i
                ON i.key = j.key AND i.user_id = j.user_id
            WHERE j.method = 'POST' AND j.status BETWEEN 200 AND 299 AND j.body <> i.response
        """,
    ),
)
