"""A TCP proxy between a client and a broker that can be slow, silent or broken."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Self

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends RST


class _Heads:
    """The first 8 bytes of each of Kafka's messages in a stream, behind its size: API key (2), version (2) and
    correlation id (4) of a request, the correlation id of an answer and more."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0  # bytes of the message that are still to come

    def within(self, chunk: memoryview) -> Iterator[bytes]:
        while chunk:
            if self._left:
                self._left, chunk = max(0, self._left - len(chunk)), chunk[self._left :]
                continue
            taken = 12 - len(self._head)
            self._head, chunk = self._head + chunk[:taken], chunk[taken:]
            if len(self._head) == 12:
                self._left = max(0, int.from_bytes(self._head[:4]) - 8)
                yield self._head[4:]
                self._head = b""


class TcpProxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`target`. A mode holds for open and new connections, both ways."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._latency = 0.0  # seconds, each way
        self._rate = 0.0  # bytes/s of one direction of one connection; 0 = unlimited
        self._cut = False
        self._losing: list[int] = []
        self.lost: list[int] = []  # API keys
        self._serving: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"rig-proxy-{port}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def go(self) -> None:
        """Forward at full speed."""
        self._set()

    def lat(self, milliseconds: float) -> None:
        """Deliver every chunk this much later, each way; throughput is not limited."""
        self._set(latency=milliseconds / 1000)

    def rate(self, bytes_per_second: float) -> None:
        """Limit each direction of each connection."""
        self._set(rate=bytes_per_second)

    def stall(self) -> None:
        """Accept, but let nothing through; connections stay open."""
        self._set(flowing=False)

    def cut(self) -> None:
        """Reset open connections now and new ones as they come, until another mode is set."""
        self._set(cut=True)

    def lose(self, *api_keys: int) -> None:
        """Break the connection in place of the next answer to a request of each key (EndTxn 26, ...): the broker has
        done what it was asked for. A key that is named twice loses two answers. `lost` tells which were."""
        self._set(losing=api_keys)

    def _set(
        self,
        *,
        latency: float = 0.0,
        rate: float = 0.0,
        flowing: bool = True,
        cut: bool = False,
        losing: Sequence[int] = (),
    ) -> None:
        async def change() -> None:
            self._latency, self._rate, self._cut, self._losing = latency, rate, cut, list(losing)
            (self._flowing.set if flowing else self._flowing.clear)()
            if cut:
                self._reset_all()

        asyncio.run_coroutine_threadsafe(change(), self._loop).result(5)

    def _reset_all(self) -> None:
        for task in self._serving:
            task.cancel()

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        writers = [to_client]
        asked: dict[bytes, int] = {}

        def note(request: bytes) -> None:
            if (key := int.from_bytes(request[:2])) in self._losing:
                asked[request[4:]] = key

        def lose(answer: bytes) -> None:
            if (key := asked.pop(answer[:4], -1)) in self._losing:
                self._losing.remove(key)
                self.lost.append(key)
                raise ConnectionResetError

        try:
            if not self._cut:
                from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._target)
                writers.append(to_broker)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(from_client, to_broker, note))
                    both.create_task(self._pump(from_broker, to_client, lose))
        except* (OSError, asyncio.CancelledError):
            pass
        for writer in writers:
            if self._cut:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        self._serving.discard(task)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, look: Callable[[bytes], None]
    ) -> None:
        """Copy until the source ends; chunks wait in `late` so that latency does not limit the throughput. `look` gets
        the head of each message before it goes on."""
        heads = _Heads()
        sink.transport.set_write_buffer_limits(high=0)  # drain() then means "all is with the system"
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=1024)
        clock = self._loop.time

        async def deliver() -> None:
            while True:
                due, chunk = await late.get()
                await asyncio.sleep(max(0.0, due - clock()))
                await self._flowing.wait()
                if not chunk:
                    raise ConnectionResetError  # ends the other direction too
                sink.write(chunk)
                await sink.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(deliver())
            while chunk := await source.read(1024 if self._rate else 65536):
                for head in heads.within(memoryview(chunk)):
                    look(head)
                await late.put((clock() + self._latency, chunk))
                if self._rate:
                    await asyncio.sleep(len(chunk) / self._rate)
            await late.put((clock() + self._latency, b""))

    async def _close(self) -> None:
        self._server.close()
        self._cut = True
        self._reset_all()
        await asyncio.sleep(0.05)  # rounds of the loop in which connections end, those accepted just now too
