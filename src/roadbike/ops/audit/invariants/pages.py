"""M1, M2, A1 and A2: what my page shows, and whose everything is.

my page has what events say. What no event says is not compared: until when a payment may be paid,
and the label and the address of a parcel, which staff may correct without an event.
"""

from typing import Final

from roadbike.ops.audit.invariants.invariant import Invariant

PAGES: Final = (
    Invariant(
        id="M1",
        key="reservation",
        reads=("reservation", "payment", "delivery", "allocation", "page"),
        settled=True,
        sql="""
            SELECT reservation_id FROM reservation r
            LEFT JOIN payment p USING (reservation_id)
            LEFT JOIN delivery d USING (reservation_id)
            LEFT JOIN allocation a USING (reservation_id)
            LEFT JOIN page g USING (reservation_id)
            WHERE r.registered AND (
                g.registered IS NOT TRUE
                OR g.status IS NOT r.status
                OR g.bike_id IS NOT r.bike_id
                OR g.bike_name IS NOT r.bike_name
                OR g.user_name IS NOT r.user_name
                OR g.store_name IS NOT r.store_name
                OR g.reserved_at IS NOT r.reserved_at
                OR g.price IS NOT r.price
                OR g.payment_id IS NOT p.payment_id
                OR g.payment_status IS NOT p.status
                OR g.delivery_status IS NOT d.status
                OR g.delivery_id IS NOT CASE WHEN d.status IS NOT NULL THEN d.delivery_id END
                OR g.delivered_at IS NOT d.delivered_at
                OR (d.status IS NULL AND g.contact IS NOT r.contact)
                OR g.stock_status IS NOT CASE coalesce(a.state, :unit_unseen)
                    WHEN :unit_unseen THEN :s_waiting
                    WHEN :unit_short THEN :s_short
                    WHEN :unit_held THEN :s_allocated
                    WHEN :unit_shipped THEN :s_allocated
                    ELSE :s_released
                END
            )
            UNION
            SELECT reservation_id FROM reservation r JOIN page g USING (reservation_id)
            WHERE g.registered AND NOT r.registered
        """,
    ),
    Invariant(
        id="M2",
        key="reservation",
        reads=("page", "reservation"),
        settled=True,
        sql="""
            SELECT reservation_id FROM page
            WHERE reservation_id NOT IN (SELECT reservation_id FROM reservation)
        """,
    ),
    Invariant(
        id="A1",
        key="reservation",
        reads=("payment", "page", "delivery", "reservation"),
        sql="""
            SELECT reservation_id FROM reservation r
            LEFT JOIN payment p USING (reservation_id)
            LEFT JOIN page g USING (reservation_id)
            LEFT JOIN delivery d USING (reservation_id)
            WHERE p.user_id <> r.user_id OR g.user_id <> r.user_id OR d.user_id <> r.user_id
        """,
    ),
    Invariant(
        id="A2",
        key="user",
        reads=("session", "account"),
        sql="SELECT user_id FROM session WHERE user_id NOT IN (SELECT user_id FROM account)",
    ),
)
