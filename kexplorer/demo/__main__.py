"""`python -m kexplorer.demo`: broker and shop, until stdin reaches EOF or SIGTERM comes.

Prints {"bootstrap": "127.0.0.1:port", "pid": the broker's} when the broker accepts connections, or {"error": text}; the
topics fill up during the seconds after.
"""

import json
import signal
import sys
import threading
import time

from kexplorer.demo.broker import EmbeddedBroker, EmbeddedBrokerError

SEED = 20
CLOSING_S = 1.0  # the broker ends after that even if one of its clients doesn't


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    stop = threading.Event()
    try:
        with EmbeddedBroker() as broker:
            print(json.dumps({"bootstrap": broker.bootstrap, "pid": broker.pid}), flush=True)  # noqa: T201
            shop = threading.Thread(target=live, args=(broker.bootstrap, stop), name="shop", daemon=True)
            shop.start()
            try:
                sys.stdin.buffer.read()
            finally:
                stop.set()
                shop.join(CLOSING_S)
    except EmbeddedBrokerError as error:
        print(json.dumps({"error": str(error)}), flush=True)  # noqa: T201
        return 1
    return 0


def live(bootstrap: str, stop: threading.Event) -> None:
    # Only now: importing the client takes longer than starting the broker, and the window waits for the latter.
    from confluent_kafka.admin import AdminClient, NewTopic  # noqa: PLC0415

    from kexplorer.demo.consumers import Consumers  # noqa: PLC0415
    from kexplorer.demo.life import Life  # noqa: PLC0415
    from kexplorer.demo.shop import TOPICS  # noqa: PLC0415
    from kexplorer.demo.writer import QUIET, Writer  # noqa: PLC0415

    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
    topics = [NewTopic(name, topic.partitions, 1, config=topic.config) for name, topic in TOPICS.items()]
    for future in admin.create_topics(topics).values():
        future.result(5)
    now = time.time()
    writer = Writer(bootstrap, Life(SEED, now))
    writer.seed(now, stop)
    if stop.is_set():
        return
    consumers = Consumers(bootstrap, admin)
    consumers.begin()
    background = threading.Thread(target=consumers.run, args=(stop,), name="consumers", daemon=True)
    background.start()
    writer.run(stop)
    background.join()


if __name__ == "__main__":
    sys.exit(main())
