"""The storefront on one page: the pages that buyers use in a browser."""

from typing import Annotated, ClassVar, Final

from msgspec import Meta

from roadbike.contracts.types import Name
from roadbike.kit.db import Database
from roadbike.kit.process.internal_tokens import service_tokens
from roadbike.kit.process.service import Service, every
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.process.tls import client_tls
from roadbike.kit.translations import load_translations
from roadbike.kit.urls import service_urls
from roadbike.storefront.account_pages import AccountPages
from roadbike.storefront.catalogue import Catalogue
from roadbike.storefront.live import Live
from roadbike.storefront.order_pages import OrderPages
from roadbike.storefront.peers import Peers
from roadbike.storefront.purchase_pages import PurchasePages
from roadbike.storefront.purchases import Purchases
from roadbike.storefront.seller import LABELS, Seller
from roadbike.storefront.shop_pages import ShopPages
from roadbike.storefront.site_pages import SitePages
from roadbike.storefront.staff_account_pages import StaffAccountPages
from roadbike.storefront.staff_delivery_pages import StaffDeliveryPages
from roadbike.storefront.staff_import_pages import StaffImportPages
from roadbike.storefront.staff_lists import Lists
from roadbike.storefront.staff_log_pages import StaffLogPages
from roadbike.storefront.staff_pages import StaffPages
from roadbike.storefront.staff_purchase_pages import StaffPurchasePages
from roadbike.storefront.staff_stock_pages import StaffStockPages
from roadbike.storefront.store import delete_old
from roadbike.storefront.uploads import delete_old_uploads
from roadbike.storefront.visitors import SessionCookie, Visitors
from roadbike.storefront.web import Pages

NAME: Final = "storefront"
CLEANING_SECONDS: Final = 60


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """Where the other services are: the URL of each one, or those of its replicas with commas."""

    stock_url: Annotated[str, Meta(description="URLs of the service that keeps the bikes.")]
    reservation_url: Annotated[
        str, Meta(description="URLs of the service that takes reservations.")
    ]
    payment_url: Annotated[str, Meta(description="URLs of the service that takes payments.")]
    delivery_url: Annotated[str, Meta(description="URLs of the service that sends parcels.")]
    mypage_url: Annotated[str, Meta(description="URLs of the service that shows purchases.")]
    account_url: Annotated[
        str, Meta(description="URLs of the service that keeps accounts and sessions.")
    ]

    heartbeat_seconds: Annotated[
        float,
        Meta(
            ge=0.1,
            le=60,
            description="After which a stream of events without one says that it is alive. Less "
            "than any time-out of what stands in front.",
        ),
    ] = 15

    seller_name: Annotated[Name, Meta(description="Company that sells.")] = ""
    seller_representative: Annotated[Name, Meta(description="Its representative.")] = ""
    seller_registration: Annotated[Name, Meta(description="Its business registration number.")] = ""
    seller_mail_order: Annotated[
        Name,
        Meta(description="Its mail-order number, and the office that gave it."),
    ] = ""
    seller_address: Annotated[Name, Meta(description="Where it is.")] = ""
    seller_phone: Annotated[Name, Meta(description="Phone number for buyers.")] = ""
    seller_email: Annotated[Name, Meta(description="E-mail address for buyers.")] = ""
    seller_privacy: Annotated[Name, Meta(description="Who answers for personal data.")] = ""
    seller_hosting: Annotated[Name, Meta(description="Who hosts the shop.")] = ""

    FORMS: ClassVar = {
        **ServiceSettings.FORMS,
        **dict.fromkeys(
            (
                *("stock_url", "reservation_url", "payment_url"),
                *("delivery_url", "mypage_url", "account_url"),
            ),
            service_urls,
        ),
    }

    @property
    def seller(self) -> Seller:
        """Return the facts about the seller that every page shows."""
        return Seller(**{name: getattr(self, f"seller_{name}") for name in LABELS})


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    peers = Peers(
        {
            "stock": settings.stock_url.split(","),
            "reservation": settings.reservation_url.split(","),
            "payment": settings.payment_url.split(","),
            "delivery": settings.delivery_url.split(","),
            "mypage": settings.mypage_url.split(","),
            "account": settings.account_url.split(","),
        },
        service_tokens(NAME, settings),
        settings.gateway_key.reveal(),
        client_tls(settings),
    )
    visitors = Visitors(peers, SessionCookie(secure=settings.env == "production"), settings.seller)
    pages = Pages(visitors, load_translations("roadbike.kit", "roadbike.contracts"))
    catalogue = Catalogue(peers)
    purchases = Purchases(peers, catalogue)
    lists = Lists(peers)
    live = Live(peers)
    beat = settings.heartbeat_seconds
    return Service(
        name=NAME,
        settings=settings,
        db=db,
        routes=[
            *ShopPages(pages, catalogue, peers, db).routes(),
            *OrderPages(pages, catalogue, peers, db).routes(),
            *PurchasePages(pages, visitors, purchases, peers, live, beat).routes(),
            *AccountPages(pages, visitors, peers).routes(),
            *StaffLogPages(pages, peers).routes(),
            *StaffAccountPages(pages, visitors, peers).routes(),
            *StaffPages(pages).routes(),
            *StaffStockPages(pages, peers, lists).routes(),
            *StaffImportPages(pages, peers, db).routes(),
            *StaffPurchasePages(pages, peers, lists, catalogue).routes(),
            *StaffDeliveryPages(pages, peers, lists, catalogue).routes(),
            *SitePages(pages, visitors, peers).routes(),
        ],
        timed=[
            every(seconds=CLEANING_SECONDS, do=delete_old),
            every(seconds=CLEANING_SECONDS, do=delete_old_uploads),
        ],
        resources=[peers, live, catalogue],
        first_requests=["/"],
    )
