"""Reserve and open a payment the usual way: FastAPI, an ORM session per request, httpx.

Run twice, with a database each: as reservation it calls payment over HTTP, then writes its row and
the event for its outbox, with one commit per request. DATABASE_URL, POOL and PAYMENT_URL are given.
Nothing publishes the events.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID, uuid4

import httpx
from fastapi import Depends, FastAPI, Header, Request
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from tables import Outbox, Payment, Reservation

TIMEOUT_SECONDS = 10

sessions = async_sessionmaker(expire_on_commit=False)


class ToReserve(BaseModel):
    user_id: str
    bike_id: int
    price: int


class ToPay(BaseModel):
    reserve_id: UUID
    user_id: str
    price: int


class Reserved(BaseModel):
    reserve_id: UUID
    pay_id: UUID
    status: str


class Opened(BaseModel):
    pay_id: UUID
    status: str


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as one:
        yield one


InSession = Annotated[AsyncSession, Depends(session)]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    pool = int(os.environ["POOL"])
    engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=pool, max_overflow=0)
    sessions.configure(bind=engine)
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(
        base_url=os.environ["PAYMENT_URL"], timeout=TIMEOUT_SECONDS, limits=limits
    ) as app.state.payments:
        yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/livez")
async def livez() -> dict[str, str]:
    return {}


@app.post("/reservations", status_code=201)
async def reserve(
    wanted: ToReserve,
    db: InSession,
    request: Request,
    idempotency_key: Annotated[UUID | None, Header()] = None,
) -> Reserved:
    reserve_id = idempotency_key or uuid4()
    found = await db.get(Reservation, reserve_id) if idempotency_key else None
    if found is None:
        await db.rollback()  # so that no connection is held during the call
        to_pay = ToPay(reserve_id=reserve_id, user_id=wanted.user_id, price=wanted.price)
        answer = await request.app.state.payments.post(
            "/payments", json=to_pay.model_dump(mode="json")
        )
        answer.raise_for_status()
        found = Reservation(
            id=reserve_id,
            payment_id=UUID(answer.json()["pay_id"]),
            user_id=wanted.user_id,
            bike_id=wanted.bike_id,
            price=wanted.price,
            status="예약완료",
        )
        event = json.dumps({"reserve_id": str(reserve_id), **wanted.model_dump()}).encode()
        db.add_all([found, Outbox(key=reserve_id, type="ReservationCreated", payload=event)])
        await db.commit()
    return Reserved(reserve_id=found.id, pay_id=found.payment_id, status=found.status)


@app.post("/payments", status_code=201)
async def open_payment(wanted: ToPay, db: InSession) -> Opened:
    known = select(Payment).where(Payment.reservation_id == wanted.reserve_id)
    found = (await db.execute(known)).scalar_one_or_none()
    if found is None:
        found = Payment(
            reservation_id=wanted.reserve_id,
            user_id=wanted.user_id,
            price=wanted.price,
            status="미결제",
        )
        db.add(found)
        await db.commit()
    return Opened(pay_id=found.id, status=found.status)
