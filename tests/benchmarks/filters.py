"""How fast filters are on JSON values of 1 kB in memory, in one process, against `LC_ALL=C grep -c -F` of the same.

50,000 orders, one a line for grep, none of which matches. Rounds of grep, which reads a file from the page cache, and
of every filter alternate; printed are the medians in thousand records a second and the ratio. The processor's time
counts, so that other work on the machine matters less.
Run: `.venv/bin/python -m tests.benchmarks.filters`
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time

from kexplorer.formats.filters import Matches, compile_filter
from kexplorer.model.search import FilterKind, FilterSpec, Where

COUNT, ROUNDS = 50_000, 5
CONTAINS, REGEX, EXPRESSION = FilterKind.CONTAINS, FilterKind.REGEX, FilterKind.EXPRESSION

FILTERS = [
    FilterSpec("FAILED", CONTAINS, where=Where.VALUE),
    FilterSpec("FAILED", CONTAINS),
    FilterSpec("sku-00", CONTAINS, where=Where.VALUE),
    FilterSpec("failed", CONTAINS, case_sensitive=False, where=Where.VALUE),
    FilterSpec("SÄUMIG", CONTAINS, case_sensitive=False, where=Where.VALUE),
    FilterSpec("FAIL.D", REGEX, where=Where.VALUE),
    FilterSpec("status.{1,9}FAILED", REGEX, where=Where.VALUE),
    FilterSpec('value.status == "FAILED"', EXPRESSION),
    FilterSpec('value.status in ["FAILED", "LOST"] and value.amount > 5', EXPRESSION),
    FilterSpec("value.amount > 900", EXPRESSION),
    FilterSpec("value.customer.id > 1e9 and value.amount > 5", EXPRESSION),
    FilterSpec("any(value.items[*].qty > 10)", EXPRESSION),
    FilterSpec('matches(value.note, "dolor .* zzz")', EXPRESSION),
    FilterSpec("partition == 4 and value.amount > 1", EXPRESSION),
    FilterSpec('key == "no such key"', EXPRESSION),
]


def orders() -> list[bytes]:
    draw = random.Random(1)

    def order(number: int) -> bytes:
        items = [{"sku": f"sku-{draw.randrange(9999)}", "qty": draw.randrange(9), "price": 1.25} for _ in range(8)]
        found = {
            "id": 2**53 + number,
            "status": draw.choice(["NEW", "PAID", "SHIPPED"]),
            "amount": round(draw.random() * 900, 2),
            "customer": {"id": number, "country": draw.choice(["DE", "FR", "US"]), "name": f"Customer {number}"},
            "items": items,
            "note": "lorem ipsum dolor sit amet " * 18,
        }
        return json.dumps(found, separators=(",", ":")).encode()

    return [order(number) for number in range(COUNT)]


def scan(matches: Matches, values: list[bytes]) -> float:
    """Seconds of the processor."""
    begun = time.process_time()
    found = sum(True is matches(b"order-17", value, None, 3, offset, 0) for offset, value in enumerate(values))
    seconds = time.process_time() - begun
    assert found == 0
    return seconds


def grep(path: str) -> float:
    """Seconds of the processor."""
    begun = _of_children()
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(["grep", "-c", "-F", "FAILED", path], env=environment, capture_output=True, check=False)
    assert done.stdout == b"0\n"
    return _of_children() - begun


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    values = orders()
    tests = {spec: compile_filter(spec).matches for spec in FILTERS}
    ours: dict[FilterSpec, list[float]] = {spec: [] for spec in FILTERS}
    theirs = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join([*values, b""]))
        file.flush()
        for _ in range(ROUNDS):
            theirs.append(grep(file.name))
            for spec, matches in tests.items():
                ours[spec].append(scan(matches, values))
    grep_rate = COUNT / statistics.median(theirs) / 1000
    print(f"{sum(map(len, values)) // COUNT} bytes a value, grep -F {grep_rate:,.0f} k/s")
    for spec, seconds in ours.items():
        rate = COUNT / statistics.median(seconds) / 1000
        case = "" if spec.case_sensitive else ", any case"
        where = f", {spec.where}" if spec.kind is not EXPRESSION else ""
        print(f"{rate:8,.0f} k/s  {rate / grep_rate:5.2f} x grep  {spec.kind}{where}{case}: {spec.text}")


if __name__ == "__main__":
    main()
