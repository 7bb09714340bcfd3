"""S1–S4: the units of each bike, in the shop, held and sent."""

from typing import Final

from roadbike.ops.audit.invariants.invariant import Invariant

UNITS: Final = (
    Invariant(
        id="S1",
        key="bike",
        reads=("bike", "ledger", "allocation"),
        sql="""
            SELECT b.bike_id, b.stock_quantity || ' / ' || b.held_quantity FROM bike b
            WHERE b.stock_quantity <> coalesce(
                (SELECT sum(l.delta) FROM ledger l WHERE l.bike_id = b.bike_id), 0
            ) OR b.held_quantity <> (
                SELECT count(*) FROM allocation a
                WHERE a.bike_id = b.bike_id AND a.state = :unit_held
            )
        """,
    ),
    Invariant(
        id="S1",
        key="reservation",
        reads=("allocation", "ledger"),
        sql="""
            SELECT reservation_id, state FROM (
                SELECT a.reservation_id, a.state,
                    coalesce(sum(l.why = :why_shipped AND l.delta = -1), 0) AS sent,
                    coalesce(sum(l.why = :why_returned AND l.delta = 1), 0) AS returned,
                    count(l.why) AS moves
                FROM allocation a LEFT JOIN ledger l USING (reservation_id)
                GROUP BY a.reservation_id, a.state
            )
            WHERE sent <> (state IN (:unit_shipped, :unit_returned))
                OR returned <> (state = :unit_returned) OR moves <> sent + returned
            UNION
            SELECT reservation_id, why FROM ledger WHERE reservation_id IS NOT NULL
                AND reservation_id NOT IN (SELECT reservation_id FROM allocation)
        """,
    ),
    Invariant(
        id="S2",
        key="bike",
        reads=("bike",),
        sql="""
            SELECT bike_id, held_quantity || ' / ' || stock_quantity FROM bike
            WHERE NOT (0 <= held_quantity AND held_quantity <= stock_quantity)
        """,
    ),
    Invariant(
        id="S3",
        key="reservation",
        reads=("allocation", "reservation"),
        settled=True,
        sql="""
            SELECT reservation_id FROM allocation GROUP BY reservation_id HAVING count(*) > 1
            UNION
            SELECT reservation_id FROM allocation
            WHERE reservation_id NOT IN (SELECT reservation_id FROM reservation)
        """,
    ),
    Invariant(
        id="S4",
        key="reservation",
        reads=("reservation", "allocation", "delivery"),
        settled=True,
        sql="""
            SELECT reservation_id, a.state FROM reservation r
            LEFT JOIN allocation a USING (reservation_id)
            LEFT JOIN delivery d USING (reservation_id)
            WHERE (r.status = :r_reserved AND (
                coalesce(a.state, '') NOT IN (:unit_held, :unit_shipped)
                OR (a.state = :unit_shipped) <>
                    (coalesce(d.status, '') IN (:d_started, :d_completed, :d_recalling))
            )) OR (r.status = :r_cancelled AND (
                a.state = :unit_held
                OR (a.state = :unit_shipped AND d.status IS NOT :d_recalling)
                OR (NOT r.registered AND coalesce(a.state, :unit_unseen) <> :unit_unseen)
            ))
        """,
    ),
)
