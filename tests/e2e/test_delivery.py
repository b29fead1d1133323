"""What the relay does with every kind of answer, and with servers that do not behave."""
import pytest
from mail import message, send
from patience import stays_true, wait_until
from peer import CLOSE, HANG, certificate


def first_then_good(stage, reply, times=1):
    """Answers that misbehave so many times at one stage and are good afterwards."""
    left = [reply] * times

    def answers(at, *_):
        return left.pop() if at == stage and left else None

    return answers


@pytest.fixture
def start(new_relay, new_peer):
    """A started relay and a receiver with these answers."""

    def make(answers=None, changes=None, **peer_options):
        relay, peer = new_relay(**(changes or {})), new_peer(answers, **peer_options)
        relay.route("gmail.test", peer.port)
        return relay.start(), peer

    return make


def test_envelope_and_source(start):
    """The receiver sees our HELO, our source address, and the envelope as it was given."""
    relay, peer = start()
    send(relay, "Kim.O'Hara+tag@gmail.test", sender="App@Sender.test")
    taken = wait_until(peer.taken, 20, "the delivery")[0]
    assert taken.source == "127.0.0.11"
    assert taken.session.helo == "tx1.relay.test"
    assert taken.sender == "App@Sender.test"
    assert taken.recipients == ["Kim.O'Hara+tag@gmail.test"]
    event = relay.wait_events("delivered")[0]
    assert event["source"] == "tx1" and event["stream"] == "transactional"
    assert event["remote_ip"] == "127.0.0.1" and event["reply"] == "250 2.0.0 Ok: queued"


def test_connections_are_reused(start):
    """Ten messages one after the other leave over few connections."""
    relay, peer = start()
    for number in range(10):
        send(relay, "kim@gmail.test", message(subject=str(number)))
        wait_until(lambda: len(peer.taken()) == number + 1, 20, "the delivery")
    assert len(peer.sessions) <= 3, f"{len(peer.sessions)} connections for ten messages"


def test_recipients_share_a_transaction(start):
    """Recipients of one site travel together, and each has its own result."""

    def answers(stage, _, argument):
        if stage == "RCPT" and "nobody" in argument:
            return "550 5.1.1 no such user"
        if stage == "RCPT" and "busy" in argument:
            return "451 4.3.0 try again later"
        return None

    relay, peer = start(answers)
    send(relay, ["kim@gmail.test", "nobody@gmail.test", "busy@gmail.test", "lee@gmail.test"])
    taken = wait_until(peer.taken, 20, "the delivery")[0]
    assert taken.recipients == ["kim@gmail.test", "lee@gmail.test"]
    relay.wait_events("delivered", 2)
    assert relay.wait_events("bounced")[0]["recipient"] == "nobody@gmail.test"
    assert relay.wait_events("bounced")[0]["class"] == "bad-mailbox"
    assert relay.wait_events("deferred")[0]["recipient"] == "busy@gmail.test"


def test_pipelines_only_when_told(start):
    """Without PIPELINING in its EHLO a server gets one command at a time."""
    relay, peer = start(keywords=("8BITMIME",))
    send(relay, "kim@gmail.test")
    wait_until(peer.taken, 20, "the delivery")


def test_helo_when_ehlo_is_unknown(start):
    """A server from before 1995 is greeted with HELO."""
    relay, peer = start(lambda stage, *_: "500 what?" if stage == "EHLO" else None)
    send(relay, "kim@gmail.test")
    assert wait_until(peer.taken, 20, "the delivery")[0].session.lines[1].startswith("HELO ")


def test_starttls(new_relay, new_peer, tmp_path):
    """Where STARTTLS is offered it is used; nothing said before it is believed after."""
    relay = new_relay(delivery={"tls": "opportunistic"})
    peer = new_peer(tls=certificate(tmp_path))
    relay.route("gmail.test", peer.port, tls="opportunistic")
    relay.start()
    send(relay, "kim@gmail.test")
    taken = wait_until(peer.taken, 20, "the delivery")[0]
    assert taken.session.tls
    assert [line.split()[0] for line in taken.session.lines].count("EHLO") == 2
    assert relay.wait_events("delivered")[0]["tls"].startswith("TLSv1")


def test_broken_tls_falls_back(new_relay, new_peer, tmp_path):
    """Opportunistic TLS that fails is no reason to keep the mail."""
    relay = new_relay(delivery={"tls": "opportunistic"})
    peer = new_peer(lambda stage, *_: "454 4.7.0 no TLS today" if stage == "STARTTLS" else None,
                    tls=certificate(tmp_path))
    relay.route("gmail.test", peer.port, tls="opportunistic")
    relay.start()
    send(relay, "kim@gmail.test")
    assert not wait_until(peer.taken, 30, "the delivery in clear")[0].session.tls


@pytest.mark.parametrize("stage", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
def test_temporary_answer_is_retried(start, stage):
    """A 4xx at any stage: the message comes again, from the same source, once."""
    relay, peer = start(first_then_good(stage, "451 4.3.0 not now"))
    send(relay, "kim@gmail.test")
    taken = wait_until(peer.taken, 40, "the second attempt")
    assert [m.source for m in taken] == ["127.0.0.11"]
    assert relay.events("deferred")[0]["reply"].startswith("451")
    relay.wait_empty()
    assert len(peer.taken()) == 1


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "DOT"])
def test_final_answer_bounces(start, stage):
    """A 5xx about the message ends it at once."""
    relay, _ = start(first_then_good(stage, "554 5.6.0 we do not want that", times=99))
    send(relay, "kim@gmail.test", sender="")
    event = relay.wait_events("bounced")[0]
    assert event["recipient"] == "kim@gmail.test" and event["reply"].startswith("554")
    relay.wait_empty()


HOSTILE = {
    "no code": b"hello there\r\n",
    "a strange code": b"999 what\r\n",
    "a short code": b"25\r\n",
    "binary": bytes(range(256)) + b"\r\n",
    "bare LF": b"250 fine\n",
    "endless lines": b"250-more\r\n" * 5000 + b"250 end\r\n",
    "one endless line": b"250 " + b"x" * 200000 + b"\r\n",
    "mixed codes": b"250-a\r\n550 b\r\n",
    "NUL": b"250 \0\0\0\r\n",
    "a good one at a bad time": b"354 go on\r\n",
    "many answers at once": b"250 a\r\n250 b\r\n250 c\r\n250 d\r\n",
}


STAGES = ["connect", "EHLO", "MAIL", "RCPT", "DATA", "DOT"]


def survive(new_relay, new_peer, misbehaviours):
    """One receiver for each misbehaviour, which it shows once, all with one relay. Every
    message ends exactly once, and nothing crashes. A destination that did not speak rests
    for half a minute, so they rest together. The receivers, by the name of the case."""
    relay = new_relay()
    peers = {}
    for number, (name, (stage, reply)) in enumerate(misbehaviours.items()):
        peers[name] = new_peer(first_then_good(stage, reply))
        relay.route(f"d{number}.test", peers[name].port)
    relay.start()
    wanted = {f"kim@d{number}.test" for number in range(len(misbehaviours))}
    for recipient in sorted(wanted):
        send(relay, recipient)

    def is_over():
        assert relay.process.poll() is None, f"the relay has crashed: {relay.stderr()[-1000:]}"
        ended = {e["recipient"] for e in relay.events() if e["event"] in ("delivered", "bounced", "expired")}
        return wanted <= ended

    wait_until(is_over, 150, "an end of every message")
    ends = [e["recipient"] for e in relay.events() if e["event"] in ("delivered", "bounced", "expired")]
    assert all(ends.count(recipient) == 1 for recipient in wanted), "each ends exactly once"
    return peers


def test_hostile_answers(new_relay, new_peer):
    """Whatever a server says at whatever stage, the message ends once and others are served."""
    survive(new_relay, new_peer, {f"{name} at {stage}": (stage, reply) for stage in STAGES
                                  for name, reply in HOSTILE.items()})


class Torn:
    """A reply of which only the first bytes come, and then the end of the connection."""

    def __init__(self, data):
        self.data = data


def test_cut_connections(new_relay, new_peer):
    """Cut at each stage, and after each byte of a reply: delivered once, no duplicate."""
    reply = b"250-peer.test\r\n250-SIZE 1000\r\n250 PIPELINING\r\n"
    cases = {f"at {stage}": (stage, CLOSE) for stage in STAGES[:-1]}
    cases.update({f"after byte {count}": ("EHLO", Torn(reply[:count])) for count in range(1, len(reply))})
    peers = survive(new_relay, new_peer, cases)
    for name, peer in peers.items():
        assert len(peer.taken()) == 1, name


def test_silent_servers(new_relay, new_peer):
    """A server that falls silent costs its time-out and no more."""
    peers = survive(new_relay, new_peer, {f"silent at {stage}": (stage, HANG) for stage in STAGES})
    for name, peer in peers.items():
        assert len(peer.taken()) == 1, name


def test_answer_to_the_dot_is_lost(start):
    """The one case that may deliver twice; the log says so."""
    relay, peer = start(first_then_good("DOT", CLOSE))
    send(relay, "kim@gmail.test")
    event = relay.wait_events("deferred")[0]
    assert event["stage"] == "dot", event
    wait_until(lambda: relay.events("delivered"), 90, "the second attempt")
    relay.wait_empty()
    assert len(peer.taken()) == 1, "this receiver had not kept the first"


def test_nobody_listens(new_relay, dead_port):
    """A refused connection defers, and the message stays."""
    relay = new_relay()
    relay.route("gmail.test", dead_port)
    relay.start()
    send(relay, "kim@gmail.test")
    event = relay.wait_events("deferred")[0]
    assert event["class"] == "remote-failure" and event["stage"] == "connect", event
    assert relay.queue()[0]["state"] in ("deferred", "ready", "active")


def test_dead_resolver(new_relay):
    """While no resolver answers, mail waits and the queue says what for."""
    relay = new_relay(dns={"servers": ["127.0.0.1:9"], "timeout": "1s"}, delivery={"port": 9})
    relay.start()
    send(relay, "kim@nowhere.test")
    wait_until(lambda: any(row["gate"] for row in relay.queue()), 40, "a gate that says why")
    stays_true(lambda: not relay.events("bounced"), 3, "no bounce")
