"""The shop's life as a simulation: which record is written when. It knows no clock and no broker."""

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from kexplorer.demo import payloads
from kexplorer.demo.catalogue import ARTICLES, PLACES, PROGRAMS, Article, Place
from kexplorer.demo.payloads import Headers

HISTORY_S = 4 * 3600.0  # the shop opened that long before the program was started
HISTORIC_ORDERS_PER_S = 0.18
CLICKS_KEPT_S = 590.0  # older ones would be deleted at once
FIRST_ORDER = 1_000_000
# Event, the shortest and the longest time in s since the one before.
STAGES = [("OrderPaid", 1, 8), ("OrderPacked", 5, 30), ("OrderShipped", 10, 60), ("OrderDelivered", 20, 180)]


@dataclass(frozen=True, slots=True)
class Record:
    topic: str
    key: str | None
    value: bytes | None
    timestamp: int  # ms since 1970
    headers: Headers | None = None
    fails: bool = False  # a consumer can't digest it: it will get a dead letter


@dataclass(frozen=True, slots=True)
class Step:
    """What a program writes in one go. `transaction`: None, or whether it ends in a commit or is aborted."""

    records: list[Record]
    transaction: bool | None = None


@dataclass(slots=True)
class _Order:
    number: int
    place: Place
    basket: list[tuple[Article, int]]
    pace: float  # longer waits for orders of the past, so that they spread over hours
    version: int = 1


class Life:
    """Owns the queue of what happens next. The same seed and start give the same records."""

    def __init__(self, seed: int, now: float) -> None:
        """`now`: seconds since 1970; the past before it is dense enough to browse, the future lively to watch."""
        self._random = Random(seed)  # noqa: S311 - sample data
        self._now = now
        self._queue: list[tuple[float, int, Callable[[float], Step]]] = []
        self._sequence = itertools.count()
        self._orders = itertools.count(FIRST_ORDER)
        self._transactions = itertools.count(1)
        opened = now - HISTORY_S
        self._at(opened, self._order)
        self._at(opened, self._audit)
        self._at(opened, self._heartbeat)
        self._at(opened + 300, self._discontinue)
        self._at(now - CLICKS_KEPT_S, self._clicks)
        for second, article in enumerate(ARTICLES):
            self._at(opened + second, partial(self._stock, article))

    def until(self, moment: float) -> Iterator[Step]:
        """All steps up to `moment` (seconds since 1970) in the order of time."""
        while self._queue[0][0] <= moment:
            at, _, what = heapq.heappop(self._queue)
            yield what(at)

    def _at(self, moment: float, what: Callable[[float], Step]) -> None:
        heapq.heappush(self._queue, (moment, next(self._sequence), what))

    def _is_live(self, at: float) -> bool:
        return at >= self._now

    def _arrival(self, at: float, past: float, live: float) -> float:
        """When the next one comes of what comes so many times per s in the past, and so many now."""
        moment = at + self._random.expovariate(past)
        return moment if moment < self._now else max(at, self._now) + self._random.expovariate(live)

    def _record(
        self, topic: str, key: str | None, value: bytes | None, at: float, headers: Headers | None = None
    ) -> Record:
        return Record(topic, key, value, int(at * 1000), headers)

    def _order(self, at: float) -> Step:
        random = self._random
        live = self._is_live(at)
        self._at(self._arrival(at, HISTORIC_ORDERS_PER_S, 11 + 6 * math.sin(at / 14)), self._order)  # 5 to 17 orders/s
        basket = [(article, random.randrange(1, 5)) for article in random.sample(ARTICLES, random.randrange(1, 5))]
        order = _Order(next(self._orders), random.choice(PLACES), basket, 1 if live else 30)
        self._plan(order, 0, at)
        value = payloads.order(random, order.number, order.place, basket, at)
        key = payloads.order_id(order.number)
        fails = random.random() < 0.02
        placed = Record("orders", key, value, int(at * 1000), payloads.order_headers(random), fails)
        return Step([placed, self._event(order, "OrderPlaced", at, {"lines": len(basket), "city": order.place.city})])

    def _plan(self, order: _Order, stage: int, at: float) -> None:
        _, shortest, longest = STAGES[stage]
        moment = at + order.pace * self._random.uniform(shortest, longest)
        self._at(moment, partial(self._stage, order, stage))

    def _stage(self, order: _Order, stage: int, at: float) -> Step:
        random = self._random
        if stage < 2 and random.random() < 0.04:
            reason = random.choice(("customer", "out of stock", "payment refused"))
            return Step([self._event(order, "OrderCancelled", at, {"reason": reason})])
        if stage + 1 < len(STAGES):
            self._plan(order, stage + 1, at)
        kind = STAGES[stage][0]
        key = payloads.order_id(order.number)
        cents = sum(article.cents * quantity for article, quantity in order.basket)
        data: dict[str, object] = {"amount": payloads.money(cents)} if kind == "OrderPaid" else {"by": "warehouse-2"}
        records = [self._event(order, kind, at, data)]
        if kind == "OrderPaid":
            value = payloads.payment(random, order.number, order.place, cents, at)
            records.append(self._record("payments", key, value, at))
        elif kind == "OrderPacked" and random.random() < 0.3:
            records += self._stock(random.choice(order.basket)[0], at).records
        elif kind == "OrderShipped":
            note = payloads.notification(random, order.number, order.place, at)
            records.append(self._record("notifications", key if random.random() < 0.9 else None, note, at))
        return Step(records)

    def _event(self, order: _Order, kind: str, at: float, data: dict[str, object]) -> Record:
        version = order.version
        order.version += 1
        value = payloads.order_event(self._random, kind, order.number, version, at, data)
        headers: Headers = [("event-type", kind.encode()), ("aggregate-version", str(version).encode())]
        return self._record("order-events", payloads.order_id(order.number), value, at, headers)

    def _stock(self, article: Article, at: float) -> Step:
        return Step([self._record("inventory", article.sku, payloads.stock(self._random, article, at), at)])

    def _discontinue(self, at: float) -> Step:
        """An article of the season ends (a tombstone); its successor comes."""
        self._at(at + self._random.uniform(200, 400), self._discontinue)
        season = int(at // 300)
        successor = Article(f"SE-{season}", "Roast of the week", 1290, ["coffee", "season"])
        tombstone = self._record("inventory", f"SE-{season - 1}", None, at)
        return Step([tombstone, *self._stock(successor, at).records])

    def _clicks(self, at: float) -> Step:
        """A visitor's click; visitors come in bursts of three seconds."""
        rate = 200 if at % 8 < 3 else 4
        self._at(self._arrival(at, rate / 10, rate), self._clicks)
        session = f"s{self._random.randrange(200):03}"
        return Step([self._record("clicks", session, payloads.click(self._random, session, at), at)])

    def _audit(self, at: float) -> Step:
        self._at(at + (self._random.uniform(1, 4) if self._is_live(at) else 90), self._audit)
        number = next(self._transactions)
        entries = [payloads.audit_entry(self._random, number, i, at) for i in range(self._random.randrange(2, 8))]
        return Step([self._record("audit", f"tx-{number}", entry, at) for entry in entries], number % 6 != 0)

    def _heartbeat(self, at: float) -> Step:
        self._at(at + 60, self._heartbeat)
        beats = [
            self._record("_shop-internal", name, payloads.heartbeat(self._random, name, at), at) for name in PROGRAMS
        ]
        return Step(beats)
