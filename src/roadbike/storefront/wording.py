"""The texts about bikes and purchases: kinds, events, how a purchase stands, names of statuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from roadbike.contracts.geometry import Kind
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.kit.translations import Text

SAID: Final[Mapping[str, Text]] = {
    "ReservationRegistered": Text(ko="예약했습니다", en="Reserved"),
    "ReservationCancelled": Text(ko="예약이 취소되었습니다", en="Cancelled"),
    "PaymentOpened": Text(ko="결제를 열었습니다", en="Payment opened"),
    "PaymentExpired": Text(ko="결제 시간이 지났습니다", en="Time to pay is up"),
    "PaymentConfirming": Text(ko="결제를 확인하고 있습니다", en="Checking the payment"),
    "PaymentDeclined": Text(ko="결제가 승인되지 않았습니다", en="Declined"),
    "PaymentApproved": Text(ko="결제가 끝났습니다", en="Paid"),
    "PaymentRefunding": Text(ko="환불하고 있습니다", en="Refund under way"),
    "PaymentCancelled": Text(ko="결제를 닫았습니다", en="Payment closed"),
    "StockAllocated": Text(ko="한 대를 잡아 두었습니다", en="One bike is held for you"),
    "StockShort": Text(ko="남은 자전거가 없었습니다", en="None was left"),
    "DeliveryPrepared": Text(ko="배송을 준비하고 있습니다", en="Preparing your bike"),
    "DeliveryStarted": Text(ko="자전거가 출발했습니다", en="On its way"),
    "DeliveryCompleted": Text(ko="자전거를 받으셨습니다", en="Arrived"),
    "DeliveryCancelled": Text(ko="배송을 취소했습니다", en="Delivery cancelled"),
    "DeliveryRecalled": Text(ko="자전거를 회수하고 있습니다", en="On its way back"),
    "DeliveryReturned": Text(ko="자전거가 돌아왔습니다", en="Back in the shop"),
}
KINDS: Final[Mapping[Kind, Text]] = {
    Kind.CLIMB: Text(ko="클라이머", en="Climber"),
    Kind.AERO: Text(ko="에어로", en="Aero"),
    Kind.ENDURANCE: Text(ko="엔듀런스", en="Endurance"),
    Kind.GRAVEL: Text(ko="그래블", en="Gravel"),
    Kind.CLASSIC: Text(ko="클래식", en="Classic"),
    Kind.CITY: Text(ko="통근", en="City"),
    Kind.TT: Text(ko="타임트라이얼", en="Time trial"),
}
NOT_SHOWN: Final = frozenset({"StockReleased"})  # concerns the shop only
DETAIL: Final[Mapping[str, Text]] = {
    "PaymentDeclined": Text(ko="나간 돈은 없습니다.", en="Nothing was taken."),
    "DeliveryPrepared": Text(
        ko="조립과 점검을 마치면 출고합니다.", en="It leaves after assembly and inspection."
    ),
}
BECAUSE: Final[Mapping[str, Text]] = {
    Reason.BUYER: Text(ko="직접 취소하셨습니다.", en="By you."),
    Reason.STAFF: Text(ko="매장에서 취소했습니다.", en="By the shop."),
    Reason.SOLD_OUT: Text(ko="남은 자전거가 없었습니다.", en="None was left."),
    Reason.UNPAID: Text(ko="결제 시간이 지났습니다.", en="Not paid in time."),
    Reason.PAYMENT_CANCELLED: Text(
        ko="결제사에서 결제가 취소되었습니다.", en="The payment was cancelled at the provider."
    ),
    Reason.RETURNED: Text(ko="자전거가 돌아왔습니다.", en="The bike was returned."),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a purchase stands: the heading, and what comes next."""

    heading: Text
    next: Text


def _standing(heading_ko: str, heading_en: str, next_ko: str, next_en: str) -> Standing:
    return Standing(Text(ko=heading_ko, en=heading_en), Text(ko=next_ko, en=next_en))


REFUNDED: Final = _standing(
    "취소했고, 모두 돌려드렸습니다",
    "Cancelled and refunded",
    "결제하신 수단으로 돌려드렸습니다. 카드사에 따라 3~5일 뒤에 보일 수 있습니다.",
    "The money went back the way it came. Your bank may show it after three to five days.",
)
NOT_CHARGED: Final = _standing(
    "취소했습니다. 나간 돈은 없습니다",
    "Cancelled. Nothing was charged",
    "자전거가 남아 있으면 다시 예약하실 수 있습니다.",
    "You can reserve again while bikes are left.",
)
REFUNDING: Final = _standing(
    "취소했고, 환불하고 있습니다",
    "Cancelled; refund under way",
    "결제사에 환불을 요청했습니다. 끝나면 이 화면이 바뀝니다.",
    "The provider was asked for the refund. This page changes when it is done.",
)
CANCELLED: Final = _standing(
    "예약이 취소되었습니다",
    "Your reservation is cancelled",
    "결제를 정리하고 있습니다.",
    "The payment is being closed.",
)
CONFIRMING: Final = _standing(
    "결제를 확인하고 있습니다",
    "We are checking the payment",
    "다시 결제하지 마세요. 결제되었다면 곧 이 화면이 바뀌고, 결제되지 않았다면 다시 결제하실 수 "
    "있게 알려 드립니다.",
    "Please do not pay again. If the payment went through, this page changes soon; if it did not, "
    "you can pay again here.",
)
DUE: Final = _standing(
    "결제해 주세요",
    "Please pay",
    "제때 결제하지 않으시면 예약이 풀리고 자전거는 다시 판매됩니다. 돈은 나가지 않습니다.",
    "If it is not paid in time, the reservation ends and the bike goes on sale again. Nothing is "
    "charged.",
)
WAITING: Final = _standing(
    "결제했고, 자전거를 잡는 중입니다",
    "Paid; we are holding your bike",
    "재고를 확인하고 있습니다. 없으면 전액 환불합니다.",
    "The stock is being checked. If none is left, you get all of your money back.",
)
PREPARING: Final = _standing(
    "자전거를 준비하고 있습니다",
    "We are preparing your bike",
    "결제하신 날부터 3영업일 안에 출고합니다.",
    "It leaves within three working days of your payment.",
)
STARTED: Final = _standing(
    "자전거가 매장을 떠났습니다",
    "Your bike has left the shop",
    "보통 하루 이틀 걸리고, 도착하면 이 화면이 바뀝니다.",
    "It usually takes a day or two. This page changes when it arrives.",
)
COMPLETED: Final = _standing(
    "자전거를 받으셨습니다",
    "Your bike has arrived",
    "받은 날부터 7일 안에 청약철회하실 수 있습니다. 파손이 있으면 바로 사진을 보내 주세요.",
    "You can withdraw from the purchase within seven days. If anything is damaged, please send "
    "photos at once.",
)
RECALLING: Final = _standing(
    "자전거를 회수하고 있습니다",
    "Your bike is on its way back",
    "돌아온 날부터 3영업일 안에 환불합니다.",
    "You get your money back within three working days of its return.",
)
ON_ITS_WAY: Final[Mapping[DeliveryStatus, Standing]] = {
    DeliveryStatus.STARTED: STARTED,
    DeliveryStatus.COMPLETED: COMPLETED,
    DeliveryStatus.RECALLING: RECALLING,
}

TONES: Final[Mapping[str, str]] = {  # the colour of a status; all others are plain
    ReservationStatus.RESERVED: "ok",
    PaymentStatus.DUE: "wait",
    PaymentStatus.CONFIRMING: "wait",
    PaymentStatus.PAID: "ok",
    PaymentStatus.REFUNDING: "wait",
    StockStatus.ALLOCATED: "ok",
    StockStatus.SHORT: "stop",
    DeliveryStatus.STARTED: "blue",
    DeliveryStatus.COMPLETED: "ok",
    DeliveryStatus.RECALLING: "wait",
}

ENGLISH: Final[Mapping[str, str]] = {  # of each status
    ReservationStatus.RESERVED: "Reserved",
    ReservationStatus.CANCELLED: "Cancelled",
    PaymentStatus.DUE: "To be paid",
    PaymentStatus.CONFIRMING: "Checking",
    PaymentStatus.PAID: "Paid",
    PaymentStatus.REFUNDING: "Refunding",
    PaymentStatus.CANCELLED: "Closed",
    DeliveryStatus.PREPARING: "Preparing",
    DeliveryStatus.STARTED: "On its way",
    DeliveryStatus.COMPLETED: "Delivered",
    DeliveryStatus.CANCELLED: "Cancelled",
    DeliveryStatus.RECALLING: "Coming back",
    DeliveryStatus.RETURNED: "Returned",
    StockStatus.WAITING: "Waiting",
    StockStatus.ALLOCATED: "Held",
    StockStatus.SHORT: "Sold out",
    StockStatus.RELEASED: "Released",
}
