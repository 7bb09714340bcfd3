"""Every state of every page that a visit to a shop can hardly bring about, with facts for it.

A page is rendered by the storefront's own templates and put into the browser without a shop.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.storefront import timeline
from roadbike.storefront.catalogue import Bike, Copy
from roadbike.storefront.peers import Problem
from roadbike.storefront.purchases import Facts
from roadbike.storefront.rendering import render
from roadbike.storefront.seller import Seller
from roadbike.storefront.store import Draft
from roadbike.storefront.timeline import Link, Purchase, Step
from roadbike.storefront.visitors import User, Visitor
from tests.storefront.frames import demo_geometries

ID: Final = "0199b6d2-4c1e-7a30-9f27-3d6c81e05b7a"
NAME: Final = "가온바람 화살 / Gaonbaram Hwasal"
DRAFT: Final = Draft(
    draft_id=UUID(ID),
    bike_id=312,
    price=6_400_000,
    name="김하늘",
    phone="010-1234-5678",
    zip_code="03086",
    address="서울특별시 종로구 대학로 00, 302호",
)
SELLER: Final = Seller(
    name="로드바이크 온라인센터(예시)",
    representative="한가람",
    registration="000-00-00000",
    mail_order="제0000-성남분당-0000호(성남시 분당구청)",
    address="경기도 성남시 분당구 야탑로 000, 1층",
    phone="031-000-0000",
    email="help@shop.example",
    privacy="한가람",
    hosting="직접 운영",
)
REFUSED: Final = Problem(title="거절되었습니다", detail="다시 확인해 주세요.", type="/problems/x")
FAULTS: Final = {"userId": "아이디를 적어 주세요.", "password": "8자 이상으로 적어 주세요."}
TYPED: Final = {"userId": "k", "userNm": "", "name": "", "phone": "1", "email": "", "zip_code": ""}

R, P, D, S = ReservationStatus, PaymentStatus, DeliveryStatus, StockStatus
PAID: Final = ("ReservationRegistered", "PaymentOpened", "StockAllocated", "PaymentApproved")
SENT: Final = (*PAID, "DeliveryPrepared", "DeliveryStarted")
CANCELLED: Final = "ReservationCancelled"
PURCHASES: Final[Mapping[str, tuple[Mapping[str, Any], tuple[str, ...]]]] = {
    "due": ({"links": {"pay": Link(""), "cancel": Link("")}}, PAID[:3]),
    "confirming": ({"payment_status": P.CONFIRMING}, (*PAID[:3], "PaymentConfirming")),
    "holding": ({"payment_status": P.PAID, "stock_status": S.WAITING}, PAID),
    "preparing": ({"payment_status": P.PAID, "delivery_status": D.PREPARING}, SENT[:5]),
    "sent": (
        {
            "payment_status": P.PAID,
            "delivery_status": D.STARTED,
            "carrier": "한빛택배",
            "tracking_number": "6012-3345-7781",
        },
        SENT,
    ),
    "received": (
        {"payment_status": P.PAID, "delivery_status": D.COMPLETED},
        (*SENT, "DeliveryCompleted"),
    ),
    "recalling": (
        {"payment_status": P.PAID, "delivery_status": D.RECALLING},
        (*SENT, "DeliveryCompleted", "DeliveryRecalled"),
    ),
    "refunding": (
        {"reservation_status": R.CANCELLED, "payment_status": P.REFUNDING},
        (*PAID, CANCELLED, "PaymentRefunding"),
    ),
    "refunded": (
        {"reservation_status": R.CANCELLED, "payment_status": P.CANCELLED},
        (*PAID, CANCELLED, "PaymentRefunding", "PaymentCancelled"),
    ),
    "never-paid": (
        {"reservation_status": R.CANCELLED, "payment_status": P.CANCELLED},
        (*PAID[:3], CANCELLED, "PaymentCancelled"),
    ),
}


def visitor(language: Any) -> Visitor:
    user = User("buyer", "김하늘", frozenset({"buyer"}), token="")
    return Visitor(
        language=language, theme="", path="/", client="", seller=SELLER, session="s", user=user
    )


def bikes() -> Copy:
    """Return the sizes of one model; the largest is sold out."""
    now = datetime.now(UTC)
    made = [
        Bike(
            bike_id=310 + number,
            bike_name=NAME,
            price=6_400_000,
            brand="가온바람 / Gaonbaram",
            frame_size=size,
            colour="주홍색 / Vermilion",
            free=max(0, 3 - number),
            as_of=now,
            geometry=geometry,
        )
        for number, (size, geometry) in enumerate(demo_geometries(NAME).items())
    ]
    return Copy.of(made, now)


def purchase_facts(name: str) -> Mapping[str, Any]:
    """Return what the page of a purchase in that state shows."""
    changed, events = PURCHASES[name]
    now = datetime.now(UTC)
    usual: dict[str, Any] = {
        "reservation_id": ID,
        "bike_id": 312,
        "bike_name": NAME,
        "user_name": DRAFT.name,
        "zip_code": DRAFT.zip_code,
        "address": DRAFT.address,
        "store_name": "분당야탑점",
        "reserved_at": now - timedelta(days=2),
        "reservation_status": R.RESERVED,
        "price": 6_400_000,
        "payment_id": ID,
        "payment_status": P.DUE,
        "pay_until": now + timedelta(minutes=28),
        "stock_status": S.ALLOCATED,
    }
    steps = [
        Step(event=event, at=now - timedelta(minutes=10 * (len(events) - number)))
        for number, event in enumerate(events)
    ]
    purchase = Purchase(**(usual | changed))
    facts = Facts(
        purchase=purchase,
        steps=steps,
        events=len(events),
        bikes=bikes().bikes,
        delivery=None,
        payment=None,
        reservation=None,
    )
    return facts.shown


def pages(language: Any) -> Iterator[tuple[str, bytes]]:
    """Yield each page with a name for its state."""
    who = visitor(language)
    for name in PURCHASES:
        yield f"purchase-{name}", render("purchase.html", who, **purchase_facts(name))
    for name, (template, facts) in _others().items():
        yield name, render(template, who, **facts)


def _others() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    copy = bikes()
    bike, sizes = copy.bikes[312], copy.siblings(copy.bikes[312])
    busy = {"draft": DRAFT, "bike": bike, "wait": 3_600, "tries": 3, "problem": REFUSED}
    account = {"account": {"userId": "buyer"}, "typed": TYPED | {"address": ""}, "done": ""}
    refused = {"faults": {}, "problem": REFUSED, "following": "/review/1"}
    reservation = {"bikeNm": NAME, "reserveId": ID, "price": 6_400_000}
    problem = {"title": "지금은 처리할 수 없습니다", "detail": "잠시 뒤에 다시 시도해 주세요."}
    moving = [Purchase(**_plain(name)) for name in ("due", "sent", "refunded")]
    return {
        "busy": ("busy.html", busy | {"next_try": 1}),
        "busy-for-long": ("busy.html", busy | {"next_try": None}),
        "price-changed": (
            "price_changed.html",
            {"bike": bike, "old": 6_400_000, "price": 6_250_000, "draft_id": ID},
        ),
        "sold-out": ("sold_out.html", {"bike": bike, "siblings": sizes}),
        "reserved-soon": ("soon.html", {"reservation": reservation}),
        "unavailable": (
            "problem.html",
            problem | {"status": 503, "retry_after": 2, "trace_id": ID.replace("-", "")},
        ),
        "log-in-refused": (
            "login.html",
            refused | {"typed": TYPED, "is_choosing": False, "is_asked": False},
        ),
        "sign-up-refused": ("signup.html", refused | {"typed": TYPED, "faults": FAULTS}),
        "account-refused": (
            "account.html",
            account | {"faults": {"telNo": "전화번호가 아닙니다."}, "problem": REFUSED},
        ),
        "password-changed": (
            "account.html",
            account | {"faults": {}, "problem": None, "done": "password"},
        ),
        "cancel-refused": (
            "cancel.html",
            {"reservation": reservation, "is_paid": True, "refusal": REFUSED},
        ),
        "purchases": (
            "purchases.html",
            {
                "purchases": moving,
                "bikes": copy.bikes,
                "timeline": timeline,
                "wording": purchase_facts("due")["wording"],
                "page": 1,
                "pages": 3,
            },
        ),
    }


def _plain(name: str) -> dict[str, Any]:
    purchase: Purchase = purchase_facts(name)["purchase"]
    return {field: getattr(purchase, field) for field in purchase.__struct_fields__}
