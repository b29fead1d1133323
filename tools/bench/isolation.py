"""Does bulk delay transactional mail? One message a second, beside a backlog that cannot move.

Three states of the same relay: empty; a backlog to a throttled and to a dead site, the
probes to a healthy one; the same with the probes to the throttled site itself, from their
own source. What counts is the time from the 250 to the arrival at the sink."""

import json
import statistics

from patience import until
from peers import Mesura
from queue_scenarios import program
from rig import Sink, Trouble, drop_caches, generate
from scenarios import STALL, Row

THROTTLED, DEAD, GOOD, SHARED = "d000000.test", "dead.test", "good.test", "shared.test"
SLOW = "5/s"  # what the throttled site takes of one address
STATES = {"empty": "an empty relay", "apart": "behind the backlog", "shared": "sharing its site"}
POSTFIX_PART = 50  # by SMTP, so it gets a fiftieth
BODY = 512
PATIENCE = 60  # seconds for the last probe


class Streams(Mesura):
    """Two streams on two sources, adaptive control as it ships but for the rate of a lane that
    is new: probes at 1/s would meet its 1/s."""

    name = "mesura"

    def configure(self, default_port, routes, hold):
        super().configure(default_port, routes, hold)
        path = self.folder / "mesura.conf"
        lines = path.read_text().splitlines()
        kept = [line for line in lines if not line.startswith(("sources", "streams", "sites", "adapt", " "))]
        listener = [line for line in lines if "trust" in line]
        at = next(i for i, line in enumerate(kept) if line.startswith("listeners")) + 1
        kept[at:at] = listener
        kept += ['sources = ( { name = "tx"; address = "127.0.0.1"; }, { name = "bulk"; address = "127.0.0.2"; } );',
                 'adapt = { start_rate = "20/s"; };',  # a new lane's 1/s would be the figure
                 'streams = ( { name = "transactional"; sources = [ "tx" ]; weight = 10; },',
                 '            { name = "bulk"; sources = [ "bulk" ]; weight = 1; } );']
        path.write_text("\n".join(kept) + "\n")


def quantiles(events, ledger, probes):
    """p50 and p99 in ms, from 250 to arrival."""
    sent = dict(line.split()[1:3] for line in ledger.read_text().splitlines() if line.startswith("ok "))
    times = []
    for line in events.read_text().splitlines():
        event = json.loads(line)
        if event["verdict"] == "accepted" and event["msgid"] in sent:
            times.append((event["time_ns"] - int(sent.pop(event["msgid"]))) / 1e6)
    if len(times) < probes:
        return None
    times.sort()
    return statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.99))]


def fill(options, peer, bulk):
    if peer.name == "postfix":
        peer.start()
        generate(options.build, peer.port, "--messages", bulk // POSTFIX_PART + bulk // 10 // POSTFIX_PART,
                 "--mix", f"{THROTTLED}=10,{DEAD}=1", "--tag", "backlog", "--size", 1024)
        return
    folder = peer.folder / "spool" / "queue"
    options.say("  " + program(options, "queue_fill", folder, bulk + bulk // 10, 1, BODY, 0, 0,
                               "bulk", 11).strip())
    drop_caches()
    peer.start(seconds=STALL)


def probe(options, peer, state):
    """p50 and p99 of the probes in that state; None where they do not arrive."""
    bulk = options.messages or 1000000
    events, ledger = options.folder / "events", options.folder / "ledger"
    for path in (events, ledger):
        path.unlink(missing_ok=True)
    sink = Sink(options.build, [f"name=slow,rate={SLOW},burst=5", "name=dead,hostile=hole", "name=good"], events)
    slow, dead, good = sink.ports
    try:
        peer.prepare(good, {THROTTLED: slow, SHARED: slow, DEAD: dead, GOOD: good})
        if state == "empty":
            peer.start()
        else:
            fill(options, peer, bulk)
            generate(options.build, peer.port, "--messages", 1, "--mix", GOOD)  # it serves
        generate(options.build, peer.port, "--messages", options.probes, "--rate", "1/s", "--sessions", 1,
                 "--mix", SHARED if state == "shared" else GOOD, "--ledger", ledger, "--size", options.size)
        until(lambda: quantiles(events, ledger, options.probes), PATIENCE, step=1)
        if peer.name != "postfix":
            peer.kill()
    finally:
        peer.stop()
        sink.stop()
    return quantiles(events, ledger, options.probes)


def isolation(options, peers):
    kinds = {"mesura": Streams}
    found = {}
    for peer in peers:
        relay = kinds.get(peer.name, type(peer))(options.build, options.folder)
        for state in STATES:
            found[relay.name, state] = probe(options, relay, state)
            got = found[relay.name, state]
            options.say(f"  {relay.name}, {STATES[state]}: " +
                        ("p50 %.2f ms, p99 %.2f ms" % got if got else "not all probes arrived"))
    names = sorted({name for name, _ in found})
    rows = []
    for place, word in ((0, "p50"), (1, "p99")):
        for state, text in STATES.items():
            values = {name: [found[name, state][place]] if found[name, state] else [] for name in names}
            rows.append(Row(f"250 to arrival, {word}, {text}", "ms", values, None, more=False, digits=2))
    for name in names:
        for state in ("apart", "shared"):
            if found[name, "empty"] and found[name, state]:
                more = found[name, state][1] - found[name, "empty"][1]
                rows.append(Row(f"p99 more than empty, {STATES[state]}", "ms", {name: [more]}, None, more=False,
                                digits=2, goal=10))
    if any(found[name, state] is None for name in names if name.startswith("mesura") for state in STATES):
        raise Trouble("not all probes arrived")
    return rows


SCENARIOS = {"isolation": (isolation, "a transactional message a second beside a million that cannot move")}
