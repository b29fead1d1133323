"""A receiver that hangs up at every byte of a transaction, in both directions: nothing is lost, and nothing comes
twice but where the answer to the final dot was."""
import asyncio
import collections
import resource
import threading

import pytest
from mail import message, send
from patience import wait_until


class Torn(Exception):
    """The connection has been cut."""


class Case:
    """One receiver at an address of its own. Its first connection is cut when so many bytes have gone one way."""

    def __init__(self, number, way, budget):
        self.address = f"127.1.{number // 250}.{number % 250 + 1}"
        self.way, self.budget = way, budget
        self.connections = 0
        self.whole = 0  # messages of which everything came
        self.answered = 0  # ... and whose 250 was sent to its last byte
        self.trace = []

    async def serve(self, reader, writer, keywords):
        self.connections += 1
        side = Side(self, reader, writer, self.connections == 1)
        try:
            await self.talk(side, keywords)
        except (Torn, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def talk(self, side, keywords):
        await side.say("220 cut.test")
        size = 0
        while True:
            line = await side.line()
            self.trace.append(line.decode(errors="replace"))
            verb, _, rest = line.decode(errors="replace").strip().partition(" ")
            if verb == "EHLO":
                words = ["cut.test", *keywords]
                await side.say("\r\n".join(f"250{' ' if i + 1 == len(words) else '-'}{w}" for i, w in enumerate(words)))
            elif verb == "DATA":
                await side.say("354 go")
                while await side.line() != b".\r\n":
                    pass
                await self.take(side)
            elif verb == "BDAT":
                count = int(rest.split()[0])
                await side.exactly(count)
                size += count
                if rest.endswith("LAST"):
                    await self.take(side)
                else:
                    await side.say("250 a piece")
            elif verb == "QUIT":
                await side.say("221 bye")
                return
            else:
                await side.say("250 ok")

    async def take(self, side):
        self.whole += 1
        await side.say("250 2.0.0 taken")
        self.answered += 1


class Side:
    """Reads and writes, and counts; cuts when the budget is used up."""

    def __init__(self, case, reader, writer, counts):
        self.case, self.reader, self.writer, self.counts = case, reader, writer, counts
        self.buffer = b""

    def spend(self, way, length):
        """How many of so many bytes may still go."""
        if not self.counts or self.case.way != way:
            return length
        allowed = min(length, self.case.budget)
        self.case.budget -= allowed
        return allowed

    async def say(self, text):
        data = text.encode() + b"\r\n"
        allowed = self.spend("out", len(data))
        self.writer.write(data[:allowed])
        await self.writer.drain()
        if allowed < len(data):
            if allowed:
                await asyncio.sleep(0)  # what was written goes out before the cut
                self.writer.write_eof()
            raise Torn

    async def more(self):
        data = await self.reader.read(1 if self.counts and self.case.way == "in" else 65536)
        if not data:
            raise Torn
        if self.spend("in", len(data)) < len(data):
            raise Torn
        self.buffer += data

    async def line(self):
        while b"\r\n" not in self.buffer:
            await self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line + b"\r\n"

    async def exactly(self, count):
        while len(self.buffer) < count:
            await self.more()
        self.buffer = self.buffer[count:]


class Receivers:
    """All cases on one loop in a thread, at one port."""

    def __init__(self, cases, keywords):
        self.cases, self.keywords = cases, keywords
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.port = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        assert self.ready.wait(30)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.listen())
        self.ready.set()
        self.loop.run_forever()

    async def listen(self):
        for case in self.cases:
            def handler(reader, writer, case=case):
                return case.serve(reader, writer, self.keywords)
            server = await asyncio.start_server(handler, case.address, self.port, reuse_address=True)
            self.port = self.port or server.sockets[0].getsockname()[1]

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


def conversation(new_relay, keywords):
    """How many bytes a whole one has, each way."""
    case = Case(0, "none", 0)
    counted = collections.Counter()
    original = Side.spend

    def spend(self, way, length):
        counted[way] += length
        return original(self, way, length)

    Side.spend = spend
    receivers = Receivers([case], keywords)
    try:
        relay = new_relay()
        relay.route("d0.test", receivers.port, host=case.address)
        relay.start()
        send(relay, "kim@d0.test", message(to="kim@d0.test"))
        relay.wait_events("delivered")
        relay.stop()
    finally:
        Side.spend = original
        receivers.close()
    return counted["in"], counted["out"]


@pytest.mark.parametrize("keywords", [("PIPELINING",), ("PIPELINING", "CHUNKING")], ids=["data", "bdat"])
def test_cut_at_every_byte(new_relay, keywords):
    """Every message arrives; twice only when everything of it had come and its 250 was not sent whole."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8192), hard), hard))
    inward, outward = conversation(new_relay, keywords)
    assert inward > 300 and outward > 80, (inward, outward)
    ways = [("in", budget) for budget in range(inward)] + [("out", budget) for budget in range(outward)]
    cases = [Case(number, way, budget) for number, (way, budget) in enumerate(ways)]
    receivers = Receivers(cases, keywords)
    try:
        relay = new_relay(sites=[{"name": "default", "max_rate": "unlimited", "max_connections": 1}])
        for number, case in enumerate(cases):
            relay.route(f"d{number}.test", receivers.port, host=case.address)
        relay.start()
        for number in range(len(cases)):
            send(relay, f"kim@d{number}.test", message(to=f"kim@d{number}.test"))

        def delivered():
            assert relay.process.poll() is None, "the relay has crashed"
            return len(relay.events("delivered")) >= len(cases)

        wait_until(delivered, 240, "every delivery")
        relay.wait_empty()
        ends = collections.Counter(event["recipient"] for event in relay.events("delivered"))
        assert set(ends.values()) == {1} and not relay.events("bounced"), "each ends once"
        twice = 0
        for number, case in enumerate(cases):
            what = f"cut {case.way} after {ways[number][1]} bytes: {case.trace}"
            assert case.answered == 1, what
            assert case.whole <= 2, what
            twice += case.whole == 2
            if case.whole == 2:
                lost = relay.events("deferred", recipient=f"kim@d{number}.test")
                assert lost and lost[0]["stage"] == "dot", what
                assert case.way == "out" or ways[number][1] >= inward - 10, what
        assert 0 < twice <= len("250 2.0.0 taken\r\n"), f"{twice} came twice"
    finally:
        receivers.close()
