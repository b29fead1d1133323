"""Limits that nobody states, on real sockets: found, held, and everything arrives."""
import contextlib
import json
import signal
import subprocess

import pytest
from mail import Raw, message
from relay import BUILD

RECEIVER = BUILD / "tools" / "mesura-receiver"
ADAPT = {"enabled": True, "start_rate": "20/s", "pause": "1s", "max_pause": "5s"}


@contextlib.contextmanager
def provider(tmp_path, *options):
    """A simulated provider with hidden limits; its port."""
    stats = tmp_path / "stats.json"
    command = [str(RECEIVER), "--stats_file", str(stats), "--provider",
               ",".join(["name=hidden", "listen=127.0.0.1:0", *options])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = json.loads(process.stdout.readline())["listening"][0]["address"]
        yield int(address.rsplit(":", 1)[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def submit(relay, count, to="kim@gmail.test"):
    with Raw(relay, timeout=120) as client:
        client.greet()
        for number in range(count):
            client.envelope(to)
            client.send(message(subject=f"n{number}") + b".\r\n")
            assert client.reply().startswith("250")


def deliver(new_relay, port, count, seconds=150):
    relay = new_relay(adapt=ADAPT)
    relay.route("gmail.test", port)
    relay.start()
    submit(relay, count)
    relay.wait_empty(seconds)
    assert relay.status()["delivered"] == count
    assert not relay.events("bounced")
    return relay


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("words", ["421 4.7.0 rate limit exceeded, slow down", "451 temporarily deferred",
                                   "450 4.2.1 try again later"])
def test_rate_quota(new_relay, tmp_path, stage, words):
    """So many a second, refused wherever and with whatever words: held after a few refusals, all arrive."""
    with provider(tmp_path, "rate=15/s", "burst=15", f"at={stage}", f'text_rate="{words}"') as port:
        relay = deliver(new_relay, port, 150)
        assert len(relay.events("deferred")) <= 60, "it presses on"


def test_hourly_quota(new_relay, tmp_path):
    """A quota of a fixed stretch (40 in three seconds): used, and not knocked at all the time."""
    with provider(tmp_path, "hourly=40", "day=72s") as port:
        relay = deliver(new_relay, port, 150)
        assert len(relay.events("deferred")) <= 60


def test_connections_at_the_banner(new_relay, tmp_path):
    """More than two connections meet a 421 instead of a greeting: the lane learns how many it may have."""
    with provider(tmp_path, "connections=2", "latency_dot=100ms-100ms",
                  'text_connections="421 too many connections from your host"') as port:
        relay = deliver(new_relay, port, 120)
        lane = relay.get("/v1/lanes")["lanes"][0]
        assert len(relay.events("deferred")) <= 40, lane


@pytest.mark.parametrize("how", ["reply", "close"])
def test_messages_per_connection(new_relay, tmp_path, how):
    """Five messages on a connection, then a 421 or silence: neither a pause nor a loss."""
    with provider(tmp_path, "per_connection=5", f"how_per_connection={how}") as port:
        relay = deliver(new_relay, port, 120, 60)
        assert len(relay.events("deferred")) <= 30


def test_background_deferrals(new_relay, tmp_path):
    """One in a hundred deferred at random slows nothing down."""
    with provider(tmp_path, "random=0.01") as port:
        relay = deliver(new_relay, port, 400, 60)
        lane = relay.get("/v1/lanes")["lanes"][0]
        assert lane["ceiling_per_second"] == 0, lane


def test_two_sites(new_relay, tmp_path):
    """A site with a limit is held; another beside it does not notice."""
    other = tmp_path / "other"
    other.mkdir()
    with provider(tmp_path, "rate=5/s", "burst=5") as slow, provider(other) as fast:
        relay = new_relay(adapt=ADAPT)
        relay.route("slow.test", slow)
        relay.route("fast.test", fast)
        relay.start()
        submit(relay, 60, "kim@slow.test")
        submit(relay, 60, "kim@fast.test")
        relay.wait_empty(150)
        lanes = {lane["site"].rsplit(":", 1)[-1].strip("]"): lane for lane in relay.get("/v1/lanes")["lanes"]}
        assert lanes[str(fast)]["retried"] == 0 and lanes[str(fast)]["delivered"] == 60, lanes
        assert lanes[str(slow)]["delivered"] == 60, lanes


def test_stated_limit(new_relay, tmp_path):
    """LIMITS MAILMAX=5 (RFC 9422) is kept from the first connection on: nothing is refused."""
    with provider(tmp_path, "per_connection=5", 'ehlo="PIPELINING;SIZE;LIMITS MAILMAX=5"') as port:
        relay = deliver(new_relay, port, 100, 60)
        assert not relay.events("deferred")
        assert relay.get("/v1/lanes")["lanes"][0]["per_connection"] == 5


def test_daily_quota(new_relay, tmp_path):
    """So many a day (60 in four seconds): used up, waited for, not knocked at all the time."""
    with provider(tmp_path, "daily=60", "day=4s") as port:
        relay = deliver(new_relay, port, 150)
        assert len(relay.events("deferred")) <= 60
