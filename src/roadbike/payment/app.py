"""The payment service on one page."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from roadbike.contracts.events import (
    PaymentApproved,
    PaymentCancelled,
    PaymentConfirming,
    PaymentDeclined,
    PaymentExpired,
    PaymentOpened,
    PaymentRefunding,
    ReservationCancelled,
)
from roadbike.contracts.shop import day_bounds
from roadbike.kit.crash import crash_points
from roadbike.kit.db import Database
from roadbike.kit.process.service import Service, every, whenever
from roadbike.kit.process.setting_faults import SettingError, SettingFault, fault
from roadbike.kit.process.settings import Limit, ServiceSettings
from roadbike.kit.urls import database_url
from roadbike.kit.web.audit_log import AuditLogApi
from roadbike.payment import store
from roadbike.payment.api import PaymentApi
from roadbike.payment.domain import TryLimit
from roadbike.payment.lists_api import PaymentLists
from roadbike.payment.providers.measured import MeasuredProvider
from roadbike.payment.providers.simulated import Behaviour, SimulatedProvider
from roadbike.payment.use_cases.cancel import cancel_payment, prefetch
from roadbike.payment.use_cases.expire import Expiry
from roadbike.payment.use_cases.late_money import LateMoney
from roadbike.payment.use_cases.pay import Cashier

MAX_PAYMENT_TRIES: Final = 5  # in production
Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """What the payment service reads from its environment, beside the common settings."""

    provider: Annotated[
        Literal["simulated"],
        Meta(description="The payment provider; there is only the simulated one."),
    ] = "simulated"
    simulated_journal_url: Annotated[
        str, Meta(description="A database of the simulated provider's own.")
    ]
    simulated_rates: Annotated[
        str,
        Meta(
            description="Share of charges per behaviour of the provider: `decline=0.1,slow=0.05`."
        ),
    ] = ""
    expire_after_seconds: Annotated[
        int, Meta(ge=1, le=31_536_000, description="How long a buyer may take to pay.")
    ] = 30 * 60
    max_payment_tries: Annotated[
        Limit,
        Meta(
            description="Payments of one buyer that may be declined in a row; then 429. 0 is off. "
            "By default 5 in production, else off."
        ),
    ] = None
    payment_tries_window_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="How long after the first of those a buyer may try again.",
        ),
    ] = 600
    open_delay_min_ms: Annotated[
        Milliseconds,
        Meta(description="Shortest delay of an open, to demonstrate the timeout and the breaker."),
    ] = 0
    open_delay_max_ms: Annotated[
        Milliseconds,
        Meta(description="Longest delay of an open, to demonstrate the timeout and the breaker."),
    ] = 0

    FORMS: ClassVar = {**ServiceSettings.FORMS, "simulated_journal_url": database_url}

    def conflicts(self) -> Iterator[SettingFault]:
        """Yield what is wrong with the rates and delays of the simulation, or with its use."""
        yield from ServiceSettings.conflicts(self)
        if self.open_delay_min_ms > self.open_delay_max_ms:
            yield fault(
                "setting-above",
                name="ROADBIKE_OPEN_DELAY_MIN_MS",
                value=self.open_delay_min_ms,
                other="ROADBIKE_OPEN_DELAY_MAX_MS",
                limit=self.open_delay_max_ms,
            )
        if self.env == "production":
            yield fault("setting-not-in-production", name="ROADBIKE_PROVIDER", value=self.provider)
        try:
            _rates(self)
        except SettingError as error:
            yield from error.faults


def build(settings: Settings) -> Service:
    """Build the service. Raises SettingError."""
    db = Database(settings.database_url.reveal())
    simulated = SimulatedProvider(settings.simulated_journal_url, _rates(settings))
    provider = MeasuredProvider(simulated)
    cashier = Cashier(db, provider, crash_points(settings.crash), _tries(settings))
    late_money = LateMoney(provider)
    expiry = Expiry(timedelta(seconds=settings.expire_after_seconds))
    delay_ms = (settings.open_delay_min_ms, settings.open_delay_max_ms)
    return Service(
        name="payment",
        settings=settings,
        db=db,
        routes=[
            *PaymentApi(db, cashier, expiry.after, delay_ms).routes(),
            *PaymentLists(db).routes(),
            *AuditLogApi(db, "/payments/audit", day_bounds).routes(),
        ],
        policies=[whenever(ReservationCancelled, cancel_payment)],
        prefetch=prefetch,
        publishes=(
            PaymentOpened,
            PaymentConfirming,
            PaymentDeclined,
            PaymentApproved,
            PaymentRefunding,
            PaymentCancelled,
            PaymentExpired,
        ),
        timed=[
            every(seconds=1, do=cashier.finish_unknown),
            every(seconds=1, do=late_money.look),
            every(seconds=0.5, do=cashier.refund_owed),
            every(seconds=5, do=cashier.look_for_refunds),
            every(seconds=1, do=expiry.expire_unpaid),
        ],
        gauges={"unsettled": store.count_unsettled},
        resources=[simulated],
    )


def _tries(settings: Settings) -> TryLimit:
    return TryLimit(
        most=settings.limit(settings.max_payment_tries, MAX_PAYMENT_TRIES),
        window=timedelta(seconds=settings.payment_tries_window_seconds),
    )


def _rates(settings: Settings) -> dict[Behaviour, float]:
    """Return the rates. Raises SettingError when they are not shares of known behaviours."""
    pairs = (pair.partition("=") for pair in settings.simulated_rates.split(",") if pair)
    try:
        rates = {Behaviour(name.strip()): float(rate) for name, _, rate in pairs}
    except ValueError as reason:
        raise _wrong_rates(reason) from None
    if not all(0 <= rate <= 1 for rate in rates.values()) or sum(rates.values()) > 1:
        raise _wrong_rates("each is a share from 0 to 1, and all together are at most 1")
    return rates


def _wrong_rates(reason: object) -> SettingError:
    return SettingError(fault("setting-wrong", name="ROADBIKE_SIMULATED_RATES", reason=reason))
