"""R1–R6, P1–P4, D1 and D2: a reservation, its payment, the money and the parcel."""

from typing import Final

from roadbike.ops.audit.invariants.invariant import Invariant

# what payment's ledger and the provider's journal have kept of each reservation's money, in KRW
NET: Final = """
    WITH net AS (
        SELECT reservation_id, sum(CASE kind WHEN 'capture' THEN amount ELSE -amount END) AS amount
        FROM money GROUP BY reservation_id
    ), charged AS (
        SELECT a.reservation_id,
            sum(CASE j.kind WHEN 'capture' THEN j.amount ELSE -j.amount END) AS amount
        FROM provider j JOIN attempt a USING (attempt_id) GROUP BY a.reservation_id
    )
"""

PURCHASES: Final = (
    Invariant(
        id="R1",
        key="reservation",
        reads=("reservation", "payment"),
        sql="""
            SELECT reservation_id FROM reservation r WHERE status = :r_reserved AND NOT EXISTS (
                SELECT 1 FROM payment p
                WHERE p.reservation_id = r.reservation_id AND p.payment_id IS NOT NULL
            )
        """,
    ),
    Invariant(
        id="R1",
        key="reservation",
        reads=("reservation", "payment"),
        settled=True,
        sql="""
            SELECT reservation_id FROM reservation WHERE status = :r_cancelled
                AND reservation_id NOT IN (SELECT reservation_id FROM payment)
        """,
    ),
    Invariant(
        id="R2",
        key="reservation",
        reads=("payment", "reservation"),
        sql="""
            SELECT reservation_id FROM payment
            WHERE reservation_id NOT IN (SELECT reservation_id FROM reservation)
        """,
    ),
    Invariant(
        id="R3",
        key="reservation",
        reads=("payment",),
        sql="SELECT reservation_id FROM payment GROUP BY reservation_id HAVING count(*) > 1",
    ),
    Invariant(
        id="R4",
        key="reservation",
        reads=("reservation",),
        settled=True,
        sql="""
            SELECT reservation_id FROM reservation
            WHERE status = :r_pending AND reserved_at < :pending_since
        """,
    ),
    Invariant(
        id="R5",
        key="reservation",
        reads=("payment", "reservation"),
        also=("bike_price",),
        sql="""
            SELECT r.reservation_id FROM reservation r
            JOIN payment p ON p.reservation_id = r.reservation_id AND p.payment_id IS NOT NULL
            WHERE r.price <= 0 OR p.price IS NOT r.price
            UNION
            SELECT r.reservation_id FROM reservation r
            JOIN bike_price b ON b.bike_id = r.bike_id AND b.version = r.bike_version
            WHERE b.price <> r.price
        """,
    ),
    Invariant(
        id="R6",
        key="reservation",
        reads=("reservation", "payment"),
        settled=True,
        sql="""
            SELECT reservation_id, p.status FROM reservation r JOIN payment p USING (reservation_id)
            WHERE r.status = :r_cancelled AND p.status IN (:p_due, :p_confirming, :p_paid)
        """,
    ),
    Invariant(
        id="P1",
        key="reservation",
        reads=("reservation", "payment", "attempt", "money"),
        also=("provider",),
        settled=True,
        sql=f"""
            {NET}
            SELECT r.reservation_id, coalesce(n.amount, 0) || ' / ' || coalesce(c.amount, 0)
            FROM reservation r
            LEFT JOIN net n USING (reservation_id) LEFT JOIN charged c USING (reservation_id)
            LEFT JOIN payment p USING (reservation_id)
            WHERE r.status = :r_cancelled AND (
                coalesce(n.amount, 0) <> 0 OR coalesce(c.amount, 0) <> 0 OR p.status = :p_refunding
            )
        """,  # noqa: S608  our own text
    ),
    Invariant(
        id="P2",
        key="reservation",
        reads=("payment", "attempt", "money"),
        also=("provider",),
        settled=True,
        sql=f"""
            {NET}
            SELECT p.reservation_id, coalesce(n.amount, 0)
            FROM payment p LEFT JOIN net n USING (reservation_id)
            WHERE NOT EXISTS (
                SELECT 1 FROM attempt a WHERE a.reservation_id = p.reservation_id
                    AND (a.refund = :refund_owed OR a.outcome = :outcome_unknown)
            ) AND coalesce(p.status, '') NOT IN (:p_confirming, :p_refunding)
            AND coalesce(n.amount, 0) <> CASE p.status WHEN :p_paid THEN p.price ELSE 0 END
            UNION
            SELECT reservation_id, amount FROM net WHERE amount < 0
        """,  # noqa: S608  our own text
    ),
    Invariant(
        id="P3",
        key="attempt",
        reads=("money",),
        sql="SELECT attempt_id, kind FROM money GROUP BY attempt_id, kind HAVING count(*) > 1",
    ),
    Invariant(
        id="P4",
        key="attempt",
        reads=("money",),
        settled=True,
        sql="""
            SELECT attempt_id, provider_id FROM money WHERE provider_id IN (
                SELECT provider_id FROM money GROUP BY provider_id HAVING count(*) > 1
            )
        """,
    ),
    Invariant(
        id="P4",
        key="attempt",
        reads=("money", "provider"),
        settled=True,
        sql="""
            SELECT attempt_id, kind FROM
                (SELECT attempt_id, kind, amount FROM money
                EXCEPT SELECT attempt_id, kind, amount FROM provider)
            UNION
            SELECT attempt_id, kind FROM
                (SELECT attempt_id, kind, amount FROM provider
                EXCEPT SELECT attempt_id, kind, amount FROM money)
        """,
    ),
    Invariant(
        id="D1",
        key="reservation",
        reads=("payment", "reservation", "delivery"),
        settled=True,
        sql="""
            SELECT reservation_id, d.status
            FROM payment p JOIN reservation r USING (reservation_id)
            LEFT JOIN delivery d USING (reservation_id)
            WHERE p.status = :p_paid AND r.status = :r_reserved AND coalesce(d.status, '')
                NOT IN (:d_preparing, :d_started, :d_completed, :d_recalling)
            UNION
            SELECT d.reservation_id, d.status FROM delivery d
            LEFT JOIN payment p USING (reservation_id)
            LEFT JOIN reservation r USING (reservation_id)
            WHERE d.status IN (:d_preparing, :d_started, :d_completed)
                AND (p.status IS NOT :p_paid OR r.status IS NOT :r_reserved)
        """,
    ),
    Invariant(
        id="D2",
        key="reservation",
        reads=("delivery", "payment"),
        sql="""
            SELECT reservation_id FROM delivery GROUP BY reservation_id HAVING count(*) > 1
            UNION
            SELECT reservation_id FROM delivery WHERE status IS NOT NULL AND payment_id NOT IN
                (SELECT payment_id FROM payment WHERE payment_id IS NOT NULL)
        """,
    ),
)
