"""What is measured of the queue: programs of their own that print their lines, and the
start of the whole relay with a queue that queue_fill has made."""

import subprocess

from rig import Sink, Trouble, drop_caches, fresh, now_ns
from scenarios import STALL, Row

DOMAINS = 100000
BODY = 512


def program(options, name, *arguments):
    """Run one of the queue's programs and show what it says; its output."""
    path = options.build / "tools" / name
    if not path.exists():
        raise Trouble(f"{path} is not there: build it first")
    done = subprocess.run([str(path), *[str(word) for word in arguments]],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        raise Trouble(f"{name} ended with status {done.returncode}")
    return done.stdout


def shown(options, name, *arguments):
    print(program(options, name, *arguments), end="")
    return []


def queue(options, _peers):
    folder = fresh(options.folder / "queue")
    return shown(options, "queue_bench", folder, 200000, options.messages or 1000000)


def age(options, _peers):
    folder = fresh(options.folder / "queue")
    return shown(options, "queue_age", folder, options.messages or 200000)


def replay(options, _peers):
    folder = fresh(options.folder / "queue")
    count = options.messages or 1000000
    options.say("  " + program(options, "queue_fill", folder, count, DOMAINS, BODY).strip())
    return shown(options, "queue_start", folder, "cat", "start", "scan")


def backlog(options, peers):
    """Seconds from the start of mesurad to its first delivery, cold cache."""
    count = options.messages or 1000000
    rows = []
    for peer in (one for one in peers if one.name.startswith("mesura")):
        first, memory = [], []
        for _ in range(options.pairs):
            sink = Sink(options.build, ["name=sink"])
            try:
                peer.prepare(sink.ports[0])
                folder = peer.folder / "spool" / "queue"
                options.say("  " + program(options, "queue_fill", folder, count, DOMAINS,
                                           BODY).strip())
                if not drop_caches():
                    options.say("  the page cache stays: not root")
                begin = now_ns()
                peer.start(seconds=STALL)
                total = sink.wait(1, STALL)
                first.append((total["first_accepted_ns"] - begin) / 1e9)
                memory.append(peer.rss_kb() / 1024)
                peer.kill()
            finally:
                peer.stop()
                sink.stop()
        goal = 2 if count <= 1000000 else 15
        rows.append(Row(f"first delivery with {count} queued in {DOMAINS} domains", "s",
                        {peer.name: first}, None, more=False, digits=3, goal=goal))
        rows.append(Row("resident after start", "MB", {peer.name: memory}, None, more=False,
                        digits=1))
    return rows


SCENARIOS = {
    "queue": (queue, "append beside one thread, memory a recipient, all due at once"),
    "age": (age, "write amplification and disk used where 5 % of the mail stays"),
    "replay": (replay, "opening a queue of M messages beside cat of its files"),
    "backlog": (backlog, "start of mesurad with M messages that queue_fill wrote"),
}
