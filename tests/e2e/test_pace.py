"""Limits hold: rate, connections, a day's warm-up, and the pause that a receiver asks for."""
import datetime
import time

import pytest
from mail import Raw, message, send
from patience import stays_true, wait_until
from relay import BULK


def submit_many(relay, count, listener="apps", to="kim@gmail.test", extra=b""):
    with Raw(relay, listener, timeout=120) as client:
        client.greet()
        for number in range(count):
            client.envelope(to)
            client.send(message(subject=f"n{number}", extra=extra) + b".\r\n")
            assert client.reply().startswith("250")


def most_in(times, seconds):
    """The largest number of events in any window of that length."""
    times = sorted(times)
    return max((sum(begin <= t < begin + seconds for t in times[i:]) for i, begin in enumerate(times)), default=0)


def test_rate_is_never_exceeded(new_relay, new_peer):
    """10/s to a site: no second has more, and what may leave does leave."""
    relay, peer = new_relay(), new_peer()
    relay.change(sites=[{"name": "default", "max_rate": "10/s", "max_connections": 10}])
    relay.route("gmail.test", peer.port)
    relay.start()
    submit_many(relay, 60)
    wait_until(lambda: len(peer.taken()) == 60, 30, "all of them")
    times = [m.time for m in peer.taken()]
    assert most_in(times, 1.0) <= 13, "a little jitter of the threads, no burst"
    assert 4.0 <= max(times) - min(times) <= 12.0


def test_rate_is_per_site(new_relay, new_peer):
    """A slow site does not slow another."""
    relay, slow, fast = new_relay(), new_peer(), new_peer()
    relay.change(sites=[{"name": "default", "max_rate": "unlimited", "max_connections": 10},
                        {"name": "slow", "match": ["slow.test"], "max_rate": "2/s", "max_connections": 2}])
    relay.route("slow.test", slow.port)
    relay.route("fast.test", fast.port)
    relay.start()
    submit_many(relay, 40, to="kim@slow.test")
    submit_many(relay, 40, to="kim@fast.test")
    wait_until(lambda: len(fast.taken()) == 40, 15, "the fast site")
    assert len(slow.taken()) < 40
    sites = {site["name"]: site for site in relay.status()["sites"]}
    assert sites["slow"]["set_per_second"] == 2 and sites["slow"]["queued"] > 0


def test_rate_survives_a_kill(new_relay, new_peer):
    """A crash is no way to send faster."""
    relay, peer = new_relay(), new_peer()
    relay.change(sites=[{"name": "default", "max_rate": "5/s", "max_connections": 10}])
    relay.route("gmail.test", peer.port)
    relay.start()
    submit_many(relay, 60)
    for _ in range(3):
        have = len(peer.taken())
        wait_until(lambda have=have: len(peer.taken()) >= have + 5, 20, "a few more")
        relay.kill()
        relay.start()
    wait_until(lambda: len({m.field("Subject")[0] for m in peer.taken()}) == 60, 60, "all of them")
    assert most_in([m.time for m in peer.taken()], 1.0) <= 8


def slow_dot(stage, session, _):
    """A receiver that thinks before it takes a message."""
    if stage == "DOT":
        session.peer.closing.wait(0.05)


def test_connections_are_limited(new_relay, new_peer):
    """Never more connections to a site than it is given, however many workers there are."""
    relay, peer = new_relay(), new_peer(slow_dot)
    relay.change(sites=[{"name": "default", "max_rate": "unlimited", "max_connections": 3}])
    relay.route("gmail.test", peer.port)
    relay.start()
    submit_many(relay, 100)
    wait_until(lambda: len(peer.taken()) == 100, 60, "all of them")
    assert 1 <= peer.most_open <= 3


def test_messages_per_connection(new_relay, new_peer):
    """After so many messages a connection is closed politely."""
    relay, peer = new_relay(), new_peer()
    relay.change(sites=[{"name": "default", "max_rate": "unlimited", "max_connections": 1,
                         "messages_per_connection": 7}])
    relay.route("gmail.test", peer.port)
    relay.start()
    submit_many(relay, 30)
    wait_until(lambda: len(peer.taken()) == 30, 60, "all of them")
    assert max(session.taken for session in peer.sessions) <= 7


def test_backoff_grows(new_relay, new_peer):
    """A recipient that is deferred again and again is tried less and less often."""
    relay, peer = new_relay(), new_peer(lambda stage, *_: "451 4.3.0 later" if stage == "RCPT" else None)
    relay.change(schedules=[{"name": "quick", "steps": ["500ms", "1s", "2s"], "factor": 2.0, "max": "1m"}])
    relay.route("gmail.test", peer.port)
    relay.start()
    send(relay, "kim@gmail.test")
    events = relay.wait_events("deferred", 4, 30)
    assert [event["attempt"] for event in events[:4]] == [1, 2, 3, 4]
    times = [datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")) for event in events[:4]]
    pauses = [(after - before).total_seconds() for before, after in zip(times, times[1:])]
    assert 0.3 <= pauses[0] <= 1.5 and 0.7 <= pauses[1] <= 2.5 and 1.5 <= pauses[2] <= 4, pauses
    row = relay.queue()[0]
    assert row["attempts"] >= 4 and row["state"] == "deferred" and row["next_unix_ms"] > time.time() * 1000


def test_hint_is_honoured(new_relay, new_peer):
    """"Try again in N seconds" is taken at its word."""
    tries = []

    def answers(stage, *_):
        if stage == "RCPT":
            tries.append(time.monotonic())
            if len(tries) == 1:
                return "450 4.2.0 Greylisted, please try again in 12 seconds"
        return None

    relay, peer = new_relay(), new_peer(answers)
    relay.route("gmail.test", peer.port)
    relay.start()
    send(relay, "kim@gmail.test")
    wait_until(peer.taken, 30, "the second attempt")
    assert 11.5 <= tries[1] - tries[0] <= 25, "not after the schedule's one second"
    assert relay.events("deferred")[0]["class"] == "greylist"


def test_throttling_slows_the_lane_only(new_relay, new_peer):
    """Explicit throttle text slows that lane; other sites do not notice."""
    relay = new_relay(adapt={"enabled": True, "start_rate": "20/s", "pause": "1s", "max_pause": "5s"})
    busy = new_peer(lambda stage, *_: "421 4.7.28 Our system has detected an unusual rate of mail" if stage == "MAIL"
                    else None)
    good = new_peer()
    relay.route("busy.test", busy.port)
    relay.route("good.test", good.port)
    relay.start()
    submit_many(relay, 30, to="kim@busy.test")
    submit_many(relay, 30, to="kim@good.test")
    wait_until(lambda: len(good.taken()) == 30, 30, "the good site")
    relay.wait_events("deferred")
    assert relay.events("deferred")[0]["class"] == "throttle"
    begun = len([1 for s in busy.sessions for line in s.lines if line.startswith("MAIL")])
    assert begun <= 15, f"{begun} attempts on a site that says it is too fast"
    lane = next(lane for lane in relay.get("/v1/lanes")["lanes"] if str(busy.port) in lane["site"])
    assert lane["phase"] in ("paused", "probing") and lane["retried"] >= 1, lane
    assert not relay.events("bounced")


WARM = [{"name": "mine", "start": 20, "growth": 1.5, "days": 30, "per": "source", "total": 20, "preflight": False}]


def warm_relay(new_relay, peer, **changes):
    relay = new_relay(warmups=[{**WARM[0], **changes}])
    relay.set_in("sources", "bulk1", warmup="mine")
    relay.route("gmail.test", peer.port)
    relay.route("other.test", peer.port)
    return relay.start()


def test_warmup_cap_holds(new_relay, new_peer):
    """Far more mail than the day's allowance: the cap is never exceeded, and nothing is lost."""
    peer = new_peer()
    relay = warm_relay(new_relay, peer)
    submit_many(relay, 60, "bulk")
    submit_many(relay, 20, "bulk", to="kim@other.test")
    submit_many(relay, 5)
    wait_until(lambda: len([m for m in peer.taken() if m.source != BULK]) == 5, 20, "the warm source")
    stays_true(lambda: len([m for m in peer.taken() if m.source == BULK]) <= 20, 4, "the day's allowance")
    ramp = next(row for row in relay.get("/v1/warmup")["warmup"] if row["source"] == "bulk1")
    assert ramp["cap"] <= 20 and ramp["sent"] <= ramp["released"] <= ramp["cap"]
    waiting = relay.queue("?stream=bulk")
    sent = len([m for m in peer.taken() if m.source == BULK])
    assert len(waiting) == 80 - sent
    assert "warm" in " ".join(wait["gate"] + wait["sentence"] for wait in relay.status()["waits"]).lower()


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_warmup_cap_survives(new_relay, new_peer, how):
    """The count of the day is durable: a crash does not give the allowance twice."""
    peer = new_peer()
    relay = warm_relay(new_relay, peer, start=5, total=5)
    submit_many(relay, 40, "bulk")
    for _ in range(4):
        stays_true(lambda: len(peer.taken()) <= 5, 1, "the day's allowance")
        if how == "kill":
            relay.kill()
            relay.start()
        else:
            relay.restart()
    stays_true(lambda: len(peer.taken()) <= 5, 2, "the day's allowance")
    assert len(relay.queue()) >= 35


def test_priority_inside_a_stream(new_relay, new_peer):
    """While a limit holds, the highest priority leaves first."""
    relay, peer = new_relay(), new_peer()
    relay.change(sites=[{"name": "default", "max_rate": "4/s", "max_connections": 1}])
    relay.route("gmail.test", peer.port)
    relay.start()
    submit_many(relay, 12, extra=b"X-Mesura-Priority: 1\r\n")
    submit_many(relay, 4, extra=b"X-Mesura-Priority: 9\r\nX-Kind: urgent\r\n")
    wait_until(lambda: len(peer.taken()) == 16, 30, "all of them")
    places = [i for i, m in enumerate(peer.taken()) if m.field("X-Kind")]
    assert max(places) < 14 and sum(places) / 4 < 9, places
