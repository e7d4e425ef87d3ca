"""Deliveries: events on their way to webhooks, and the log of what came of it.

They are made in the transaction that writes the event (`hand_out`), so none is forgotten. Those of one media go to a
webhook one after another: a delivery waits until the one before has arrived or was given up (its `chain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    String,
    and_,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased
from sqlmodel import Field, SQLModel, col

from gilfoyle.catalog.models import now
from gilfoyle.catalog.rows import Rows
from gilfoyle.catalog.webhooks import Webhook
from gilfoyle.errors import NotFound

TEST_TYPE = "webhook.test"
"""The type of what `POST …/test` sends."""
_FORGOTTEN_AT_ONCE = 10_000


class DeliveryStatus(StrEnum):
    """Where a delivery is in its life."""

    WAITING = "Waiting"
    DELIVERED = "Delivered"
    FAILED = "Failed"


def _time(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class Delivery(SQLModel, table=True):
    """An event for a webhook."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("delivery_of_webhook", "webhook_id", "id"),
        Index("delivery_created", "created_at"),
        Index("delivery_waiting", "webhook_id", "chain", "id", postgresql_where=text("status = 'Waiting'")),
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    webhook_id: UUID = Field(sa_column=Column(ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False))
    message_id: str = Field(sa_column=Column(String(50), nullable=False))
    """The same whenever this is sent, so that a receiver can tell that it has it already."""
    event: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    chain: UUID | None = None
    """The media whose deliveries go one after another; None: this one waits for no other."""
    status: str = Field(default=DeliveryStatus.WAITING, sa_column=Column(String(10), nullable=False))
    attempts: int = 0
    next_try_at: datetime | None = Field(default_factory=now, sa_column=_time(nullable=True))
    first_tried_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    tried_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    duration_s: float | None = None
    """How long the last attempt took, in seconds."""
    answer_status: int | None = None
    answer: str | None = Field(default=None, sa_column=Column(String(1000)))
    """The first characters of the last answer's body."""
    error: str | None = Field(default=None, sa_column=Column(String(500)))
    created_at: datetime = Field(default_factory=now, sa_column=_time())


@dataclass(frozen=True)
class Attempt:
    """What came of sending it once."""

    duration_s: float
    error: str | None = None
    """Why it does not count as delivered, as a sentence; None: it does."""
    answer_status: int | None = None
    answer: str | None = None


_EARLIER = aliased(Delivery)
_FIRST_OF_ITS_CHAIN = or_(
    col(Delivery.chain).is_(None),
    not_(
        exists().where(
            col(_EARLIER.webhook_id) == col(Delivery.webhook_id),
            col(_EARLIER.chain) == col(Delivery.chain),
            col(_EARLIER.status) == DeliveryStatus.WAITING,
            col(_EARLIER.id) < col(Delivery.id),
        )
    ),
)
_WAITS = and_(col(Delivery.status) == DeliveryStatus.WAITING, _FIRST_OF_ITS_CHAIN)


class Deliveries(Rows):
    """`catalog.deliveries`."""

    async def due(self, webhook_id: UUID, limit: int) -> Sequence[Delivery]:
        """What may be sent now, the longest due first: at most one of each chain."""
        ours = (col(Delivery.webhook_id) == webhook_id) & (col(Delivery.next_try_at) <= func.now())
        query = select(Delivery).where(ours, _WAITS).order_by(col(Delivery.next_try_at), col(Delivery.id)).limit(limit)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def note(self, delivery: Delivery, attempt: Attempt, again_in_s: float | None) -> None:
        """Enter what came of an attempt. `again_in_s`: when to try again if it has failed; None: never.

        When a receiver answers again that could not be reached, all that waits for that is tried at once.
        """
        ours = (col(Delivery.id) == delivery.id) & (col(Delivery.status) == DeliveryStatus.WAITING)
        values: dict[str, Any] = {
            "attempts": col(Delivery.attempts) + 1,
            "first_tried_at": func.coalesce(col(Delivery.first_tried_at), func.now()),
            "tried_at": func.now(),
            "next_try_at": None,
            "duration_s": attempt.duration_s,
            "answer_status": attempt.answer_status,
            "answer": attempt.answer,
            "error": attempt.error,
        }
        if attempt.error is None:
            values["status"] = DeliveryStatus.DELIVERED
        elif again_in_s is None:
            values["status"] = DeliveryStatus.FAILED
        else:
            values["next_try_at"] = func.now() + timedelta(seconds=again_in_s)
        async with self._database.session() as session:
            await session.execute(update(Delivery).where(ours).values(**values))
            if attempt.error is None and delivery.attempts:
                unreached = (col(Delivery.webhook_id) == delivery.webhook_id) & col(Delivery.answer_status).is_(None)
                waits = (col(Delivery.status) == DeliveryStatus.WAITING) & (col(Delivery.next_try_at) > func.now())
                await session.execute(update(Delivery).where(unreached, waits).values(next_try_at=func.now()))

    async def settle(self, webhook_id: UUID) -> bool:
        """Note when the webhook is due next; True if that is now. False, too, if there is none or it is disabled."""
        next_try = select(func.min(col(Delivery.next_try_at))).where(col(Delivery.webhook_id) == webhook_id, _WAITS)
        async with self._database.session() as session:
            # Whoever hands out to it holds this row until its commit: what is read after that includes it.
            query = select(Webhook).where(col(Webhook.id) == webhook_id).with_for_update()
            webhook = (await session.scalars(query)).one_or_none()
            if webhook is None:
                return False
            webhook.due_at = await session.scalar(next_try)
            if webhook.due_at is not None and webhook.held_until is not None:
                webhook.due_at = max(webhook.due_at, webhook.held_until)
            return webhook.enabled and webhook.due_at is not None and webhook.due_at <= now()

    async def page(
        self, webhook_id: UUID, before: int | None, limit: int, status: DeliveryStatus | None = None
    ) -> Sequence[Delivery]:
        """The newest first. `before`: only those that are older than the one with that id."""
        query = select(Delivery).where(col(Delivery.webhook_id) == webhook_id)
        if before is not None:
            query = query.where(col(Delivery.id) < before)
        if status is not None:
            query = query.where(col(Delivery.status) == status)
        async with self._database.reading() as session:
            return (await session.scalars(query.order_by(col(Delivery.id).desc()).limit(limit))).all()

    async def test(self, webhook: Webhook) -> Delivery:
        """Have something sent that has not happened."""
        event = {
            "id": 0,
            "type": TEST_TYPE,
            "project": webhook.project,
            "media_id": None,
            "data": {"webhook_id": str(webhook.id)},
            "created_at": now().isoformat(),
        }
        return await self._send(Delivery(webhook_id=webhook.id, message_id=f"test-{uuid4()}", event=event))

    async def again(self, webhook_id: UUID, delivery_id: int) -> Delivery:
        """Have it sent once more, beside the others and in no order. Raises NotFound."""
        async with self._database.reading() as session:
            found = await session.get(Delivery, delivery_id)
        if found is None or found.webhook_id != webhook_id:
            raise NotFound(f"The webhook has no delivery {delivery_id}.")
        return await self._send(Delivery(webhook_id=webhook_id, message_id=found.message_id, event=found.event))

    async def forget(self, older_than: timedelta) -> int:
        """Remove those from the log that are older; returns how many. What waits stays."""
        old = (col(Delivery.created_at) < func.now() - older_than) & (col(Delivery.status) != DeliveryStatus.WAITING)
        some = delete(Delivery).where(
            col(Delivery.id).in_(select(col(Delivery.id)).where(old).limit(_FORGOTTEN_AT_ONCE))
        )
        total = 0
        while True:
            async with self._database.session() as session:
                gone = len((await session.scalars(some.returning(col(Delivery.id)))).all())
            total += gone
            if gone < _FORGOTTEN_AT_ONCE:
                return total

    async def _send(self, delivery: Delivery) -> Delivery:
        async with self._database.session() as session:
            session.add(delivery)
            await session.flush()
            at_once = {"due_at": func.now(), "held_until": None}  # a person wants to see it arrive
            due = update(Webhook).where(col(Webhook.id) == delivery.webhook_id).values(**at_once)
            await session.execute(due)
        return delivery
