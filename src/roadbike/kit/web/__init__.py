"""HTTP as every service uses it: routes, access, strict bodies, HAL, problem documents."""

from roadbike.kit.db.paging import Paging
from roadbike.kit.web.access import ADMIN, ANYONE, BUYER, INTERNAL, STAFF, USER, Caller, Who
from roadbike.kit.web.app import http_app
from roadbike.kit.web.bodies import Body, Line
from roadbike.kit.web.conditions import KeyHeader, checked_key, etag
from roadbike.kit.web.hal import Link, Links, Page, Reply, links, page_of, view
from roadbike.kit.web.routes import Route, delete, get, patch, post, put

__all__ = [
    "ADMIN",
    "ANYONE",
    "BUYER",
    "INTERNAL",
    "STAFF",
    "USER",
    "Body",
    "Caller",
    "KeyHeader",
    "Line",
    "Link",
    "Links",
    "Page",
    "Paging",
    "Reply",
    "Route",
    "Who",
    "checked_key",
    "delete",
    "etag",
    "get",
    "http_app",
    "links",
    "page_of",
    "patch",
    "post",
    "put",
    "view",
]
