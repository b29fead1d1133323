"""What is measured. Each scenario runs every relay, interleaved, and gives rows: a name,
the value of each relay, whether more is better, and the goal for the ratio."""

import json
import statistics

from rig import Sink, Trouble, disk_rate, drop_caches, generate, now_ns

STALL = 60  # seconds without an arrival that end a run


class Row:
    def __init__(self, name, unit, values, reference, goal=None, more=True, digits=0):
        self.name, self.unit, self.values = name, unit, values
        self.reference, self.goal, self.more, self.digits = reference, goal, more, digits

    def ratio(self, peer):
        """Mesura against the reference, pair by pair: median, least, most."""
        ours, theirs = self.values[peer], self.values.get(self.reference, [])
        pairs = [a / b for a, b in zip(ours, theirs) if b > 0]
        if not pairs:
            return None
        return statistics.median(pairs), min(pairs), max(pairs)


def amount(options):
    """How much to send: M messages, or for SECS seconds."""
    if options.messages:
        return ["--messages", options.messages]
    return ["--messages", 0, "--duration", f"{options.seconds}s"]


def interleaved(options, peers, measure):
    """measure(peer) for each peer, pairs times, in turns; {name: [values]}."""
    values = {peer.name: [] for peer in peers}
    for turn in range(options.pairs):
        for peer in peers if turn % 2 == 0 else reversed(peers):
            try:
                value = measure(peer)
            finally:
                peer.stop()
            values[peer.name].append(value)
            options.say(f"  {peer.name}: {value if isinstance(value, str) else round(value, 4)}")
    return values


def end_to_end(options, peer, *load_options):
    """Messages a second from the first connection until the last has arrived, once."""
    sink = Sink(options.build, ["name=sink"])
    try:
        peer.prepare(sink.ports[0])
        peer.start()
        sent = generate(options.build, peer.port, "--sessions", options.sessions, "--size",
                        options.size, *amount(options), *load_options)
        total = sink.wait(sent["recipients"], STALL)
        if total["duplicates"]:
            raise Trouble(f"{total['duplicates']} messages arrived twice")
        return sent["accepted"] / ((total["last_accepted_ns"] - sent["start_ns"]) / 1e9)
    finally:
        peer.stop()
        sink.stop()


def straight(options, *load_options):
    """The same without a relay: what generator and sink can do."""
    sink = Sink(options.build, ["name=sink"])
    try:
        sent = generate(options.build, sink.ports[0], "--sessions", options.sessions,
                        "--size", options.size, "--messages", 0, "--duration",
                        f"{min(options.seconds, 10)}s", *load_options)
        return sent["rate"]
    finally:
        sink.stop()


def e2e(options, peers):
    values = interleaved(options, peers, lambda peer: end_to_end(options, peer))
    values["no relay"] = [straight(options)]
    return [Row("end to end", "messages/s", values, "postfix", goal=options.goal(12))]


def single(options, peers):
    values = interleaved(options, peers, lambda peer: end_to_end(
        options, peer, "--per_connection", 1))
    values["no relay"] = [straight(options, "--per_connection", 1)]
    return [Row("one message per connection", "messages/s", values, "postfix",
                goal=options.goal(10))]


def accept(options, peers):
    """Durable 250s a second, nothing delivered meanwhile."""
    waits = {peer.name: [] for peer in peers}

    def measure(peer):
        peer.prepare(9, hold=True)
        peer.start()
        sent = generate(options.build, peer.port, "--sessions", options.sessions, "--size",
                        options.size, *amount(options))
        waits[peer.name].append(sent["dot_ms"]["p99"])
        return sent["rate"]
    values = interleaved(options, peers, measure)
    values["disk"] = [disk_rate(options.folder, min(options.seconds, 10))]
    mine = {name: values[name] for name in values if name.startswith("mesura")}
    mine["disk"] = values["disk"] * options.pairs
    return [Row("durable accepts", "messages/s", values, "postfix", goal=options.goal(15)),
            Row("durable accepts beside one writer", "messages/s", mine, "disk", goal=0.5),
            Row("final dot to 250, p99", "ms", waits, "postfix", more=False, digits=2)]


def delays(options, peer, sick):
    """Median and p99 from final dot to arrival at the 18 healthy domains, in ms."""
    domains = [f"d{i}.test" for i in range(20)]
    providers = [f"name={domain}" for domain in domains]
    if sick:
        providers[0] += ",hostile=greet421"
        providers[1] += ",hostile=hole"
    events = options.folder / "events"
    ledger = options.folder / "ledger"
    for path in (events, ledger):
        path.unlink(missing_ok=True)
    sink = Sink(options.build, providers, events)
    try:
        peer.prepare(sink.ports[2], dict(zip(domains, sink.ports)))
        peer.start()
        if sick:
            generate(options.build, peer.port, "--messages", options.backlog, "--mix",
                     "d0.test=1,d1.test=1", "--tag", "backlog", "--size", 1024)
        generate(options.build, peer.port, "--messages", options.rate * options.seconds,
                 "--rate", f"{options.rate}/s", "--sessions", 20, "--mix",
                 ",".join(domains[2:]), "--ledger", ledger, "--size", options.size)
        wanted = dict(line.split()[1:3] for line in ledger.read_text().splitlines()
                      if line.startswith("ok "))
        sink.wait(len(wanted), STALL)
    finally:
        peer.stop()
        sink.stop()
    times = []
    for line in events.read_text().splitlines():
        event = json.loads(line)
        if event["verdict"] == "accepted" and event["msgid"] in wanted:
            times.append((event["time_ns"] - int(wanted.pop(event["msgid"]))) / 1e6)
    times.sort()
    return statistics.median(times), times[int(len(times) * 0.99)]


def fair(options, peers):
    found = {peer.name: {"well": [], "ill": []} for peer in peers}
    for _ in range(options.pairs):
        for peer in peers:
            for state in ("well", "ill"):
                found[peer.name][state].append(delays(options, peer, state == "ill"))
                options.say(f"  {peer.name}, {state}: median %.2f ms, p99 %.2f ms" %
                            found[peer.name][state][-1])
    rows = []
    for position, word in ((0, "median"), (1, "p99")):
        for state, text in (("well", "20 healthy domains"), ("ill", "one 421, one dead")):
            rows.append(Row(f"delay, {text}, {word}", "ms",
                            {name: [pair[position] for pair in found[name][state]]
                             for name in found}, "postfix", more=False, digits=2))
    for peer in peers:
        well = statistics.median(pair[0] for pair in found[peer.name]["well"])
        ill = statistics.median(pair[0] for pair in found[peer.name]["ill"])
        rows.append(Row(f"median delay with the sick / without: {peer.name}", "",
                        {peer.name: [ill / well]}, None, more=False, digits=2))
    return rows


def fsync(options, peers):
    """Syncs a message, end to end, counted by strace (which slows everything: a count)."""
    count = options.messages or 20000

    def measure(peer):
        trace = options.folder / f"{peer.name}.trace"
        trace.unlink(missing_ok=True)
        sink = Sink(options.build, ["name=sink"])
        try:
            peer.prepare(sink.ports[0])
            peer.start(("strace", "-f", "-qq", "--seccomp-bpf", "-e",
                        "trace=fsync,fdatasync,sync_file_range,msync", "-o", str(trace)))
            sent = generate(options.build, peer.port, "--sessions", options.sessions,
                            "--size", options.size, "--messages", count)
            sink.wait(sent["recipients"], STALL)
        finally:
            peer.stop()
            sink.stop()
        with open(trace, encoding="utf-8", errors="replace") as lines:
            syncs = sum(1 for line in lines if "sync(" in line and "resumed" not in line)
        return syncs / count
    values = interleaved(options, peers, measure)
    return [Row("syncs per message", "", values, "postfix", more=False, digits=3, goal=0.1)]


def start(options, peers):
    """Seconds from the start to the first delivery with a queue from before, cold cache."""
    count = options.messages or 20000
    drained = {peer.name: [] for peer in peers}
    memory = {peer.name: [] for peer in peers if peer.name.startswith("mesura")}

    def measure(peer):
        sink = Sink(options.build, ["name=sink"])
        try:
            peer.prepare(sink.ports[0], hold=True)
            peer.start()
            generate(options.build, peer.port, "--sessions", options.sessions, "--size",
                     options.size, "--messages", count)
            peer.stop()
            peer.configure(sink.ports[0], {}, False)
            peer.release()
            if not drop_caches():
                options.say("  the page cache stays: not root")
            begin = now_ns()
            peer.start()
            if peer.name in memory:
                memory[peer.name].append(peer.rss_kb() / 1024)
            total = sink.wait(count, STALL)
            drained[peer.name].append(
                count / ((total["last_accepted_ns"] - begin) / 1e9))
            return (total["first_accepted_ns"] - begin) / 1e9
        finally:
            peer.stop()
            sink.stop()
    values = interleaved(options, peers, measure)
    rows = [Row(f"first delivery with {count} queued", "s", values, "postfix", more=False,
                digits=3),
            Row(f"draining {count}, start included", "messages/s", drained, "postfix")]
    if memory:
        rows.append(Row("resident after start", "MB", memory, None, more=False, digits=1))
    return rows


def pause():
    """Let the disk finish what the last run left."""
    drop_caches()


SCENARIOS = {
    "e2e": (e2e, "end to end, persistent sessions"),
    "accept": (accept, "durable 250s, delivery off; beside one thread writing to disk"),
    "single": (single, "end to end, one message per connection"),
    "fair": (fair, "20 domains, one answers 421, one is dead: delay of the other 18"),
    "fsync": (fsync, "fsync and fdatasync per message, counted by strace"),
    "start": (start, "start with M messages queued: first delivery, drain"),
}
