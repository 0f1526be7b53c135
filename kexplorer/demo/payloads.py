"""The bytes that the shop's programs write: one function a kind of value. `random` decides, so a seed repeats them."""

import gzip
import json
import struct
from datetime import UTC, datetime
from random import Random

from kexplorer.demo.catalogue import ARTICLES, GREETINGS, NOTES, PAGES, PROGRAMS, Article, Place

Headers = list[tuple[str, str | bytes | None]]  # bytes or None; the client's type has str too

PAYMENT_SCHEMA_ID = 7
PAYMENT_SCHEMA = {
    "type": "record",
    "name": "Payment",
    "namespace": "shop.payments",
    "fields": [
        {"name": "paymentId", "type": "string"},
        {"name": "orderId", "type": "string"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "currency", "type": "string"},
        {"name": "method", "type": {"type": "enum", "name": "Method", "symbols": ["CARD", "TRANSFER", "WALLET"]}},
        {"name": "capturedAt", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "fee", "type": ["null", "double"]},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
    ],
}

_on_one_line = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def document(value: object, indent: int | None = None) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=indent) if indent else _on_one_line(value)
    return text.replace('"¤', "").replace('¤"', "").encode()


def money(cents: int) -> str:
    """A number for `document` that keeps its two decimals: 1.10, where a float would become 1.1."""
    return f"¤{cents // 100}.{cents % 100:02}¤"


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def order(random: Random, number: int, place: Place, basket: list[tuple[Article, int]], at: float) -> bytes:
    customer = random.randrange(1000, 9999)
    return document(
        {
            "orderId": order_id(number),
            "ledgerId": 2**53 + 1 + number * 2,  # odd, beyond 2^53: a double can't hold it
            "placedAt": iso(at),
            "channel": random.choice(("web", "app", "store")),
            "customer": {"id": f"C-{customer}", "email": f"c{customer}@example.com", "language": place.language},
            "shipTo": {
                "street": place.street,
                "postcode": place.postcode,
                "city": place.city,
                "country": place.country,
                "location": [place.latitude, place.longitude],
            },
            "lines": [
                {"sku": a.sku, "name": a.name, "quantity": n, "unitPrice": money(a.cents), "tags": a.tags}
                for a, n in basket
            ],
            "discounts": [["NEW10", money(100)], ["SPRING", money(250)]] if random.random() < 0.1 else [],
            "currency": place.currency,
            "total": money(sum(a.cents * n for a, n in basket)),
            "coupon": None,
            "gift": random.random() < 0.1,
            "note": random.choice(NOTES) if random.random() < 0.2 else None,
        }
    )


def order_id(number: int) -> str:
    return f"A-{number}"


def order_headers(random: Random) -> Headers:
    headers: Headers = [
        ("traceparent", f"00-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-01".encode()),
        ("content-type", b"application/json"),
    ]
    if random.random() < 0.3:
        headers += [("route", b"web"), ("route", b"gateway-2")]
    if random.random() < 0.2:
        headers.append(("signature", random.randbytes(32)))
    if random.random() < 0.2:
        headers.append(("campaign", None))
    return headers


def order_event(random: Random, kind: str, number: int, version: int, at: float, data: dict[str, object]) -> bytes:
    return document(
        {
            "eventId": f"{random.getrandbits(64):016x}",
            "type": kind,
            "orderId": order_id(number),
            "version": version,
            "occurredAt": iso(at),
            "data": data,
        }
    )


def stock(random: Random, article: Article, at: float) -> bytes:
    on_hand = random.randrange(0, 900)
    return document(
        {
            "sku": article.sku,
            "name": article.name,
            "onHand": on_hand,
            "reserved": random.randrange(0, 40),
            "reorder": on_hand < 50,
            "unitCost": money(article.cents * 6 // 10),
            "bins": [[random.choice("ABC"), random.randrange(1, 30)], ["X", random.randrange(1, 9)]],
            "updatedAt": iso(at),
        }
    )


def notification(random: Random, number: int, place: Place, at: float) -> bytes | None:
    """Mostly a sentence; one in five is something a viewer must cope with."""
    if random.random() < 0.8:
        return GREETINGS[place.language].format(order=order_id(number), city=place.city).encode()
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<shipment order="{order_id(number)}" at="{iso(at)}">\n'
        f"  <to country=\"{place.country}\">{place.city}</to>\n  <note><![CDATA[5 < 6 & <b>not bold</b>]]></note>\n"
        "</shipment>\n"
    )  # fmt: skip
    kinds = (xml.encode(), b"\x89PNG\r\n\x1a\n" + random.randbytes(90), gzip.compress(xml.encode(), mtime=0), b"", None)
    return random.choice(kinds)


def payment(random: Random, number: int, place: Place, cents: int, at: float) -> bytes:
    """Confluent's framing (zero byte, schema id), then PAYMENT_SCHEMA's fields in Avro's binary encoding."""
    amount = cents.to_bytes((cents.bit_length() + 8) // 8, "big", signed=True)
    fee = b"\x00" if random.random() < 0.5 else b"\x02" + struct.pack("<d", round(cents * 0.0142) / 100)
    tags = random.sample(("recurring", "3ds", "vip", "été"), random.randrange(3))
    block = avro_long(len(tags)) + b"".join(map(avro_string, tags)) if tags else b""
    return b"".join(
        (
            b"\x00" + PAYMENT_SCHEMA_ID.to_bytes(4, "big"),
            avro_string(f"P-{random.getrandbits(40):010x}"),
            avro_string(order_id(number)),
            avro_long(len(amount)) + amount,
            avro_string(place.currency),
            avro_long(random.randrange(3)),
            avro_long(int(at * 1000)),
            fee,
            block + b"\x00",
        )
    )


def avro_long(number: int) -> bytes:
    """Zigzag, then 7 bits a byte, least significant first: https://avro.apache.org/docs/1.12.0/specification/"""
    rest = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def avro_string(text: str) -> bytes:
    return avro_long(len(text.encode())) + text.encode()


def click(random: Random, session: str, at: float) -> bytes:
    page = random.choice(PAGES) if random.random() < 0.5 else f"/p/{random.choice(ARTICLES).sku}"
    return document({"s": session, "page": page, "ms": random.randrange(8, 900), "t": round(at, 3)})


def audit_entry(random: Random, transaction: int, step: int, at: float) -> bytes:
    program = random.choice(PROGRAMS)
    action = random.choice(("refund.approved", "price.changed", "login", "export.started"))
    entry = {"transaction": transaction, "step": step, "program": program, "action": action, "at": iso(at)}
    return document(entry | {"amount": money(random.randrange(100, 90000))})


def heartbeat(random: Random, program: str, at: float) -> bytes:
    return document(
        {"program": program, "at": iso(at), "heapMb": random.randrange(60, 400), "lease": random.random() < 0.5}
    )


def catalogue_export(random: Random, size: int, indent: int | None) -> bytes:
    """A document of `size` bytes on one line, or of a fifth more with `indent`."""
    items: list[object] = []
    length = 0
    while length < size:
        article = random.choice(ARTICLES)
        prices = [[place, money(random.randrange(100, 9000))] for place in ("DE", "FR", "JP", "BR")]
        item = {"id": len(items), "sku": article.sku, "name": article.name, "tags": article.tags, "prices": prices}
        length += len(document(item, indent)) + (len(item) * 9 if indent else 1)
        items.append(item)
    return document({"exportedItems": len(items), "items": items}, indent)
