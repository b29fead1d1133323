"""What is handed over arrives, byte for byte."""
import base64
import random

import pytest
from mail import SENDER, Raw, message, send
from patience import wait_until

LETTERS = bytes(range(0x20, 0x7F))
BODIES = {
    "empty": b"",
    "one line": b"Hello.\r\n",
    "blank lines": b"\r\n\r\n\r\n",
    "dots": b".\r\n..\r\n...\r\n.hidden\r\n\r\n.\r\nlast .\r\n.\r\n",
    "utf-8": "Grüße aus Köln, 5 €\r\n".encode(),
    "every byte": b"".join(bytes([byte]) * 3 + b"\r\n" for byte in range(1, 256) if byte not in (10, 13)),
    "longest lines": (LETTERS * 11)[:998] + b"\r\n" + b"." * 998 + b"\r\n",
    "looks like a command": b"QUIT\r\nMAIL FROM:<x@y.test>\r\nDATA\r\n354 go on\r\n",
    "just below a piece": b"x" * 70 + b"\r\n" + (b"y" * 62 + b"\r\n") * 2046 + b"z" * 54 + b"\r\n",
    "one piece and a byte": (b"p" * 62 + b"\r\n") * 2048 + b"q\r\n",
}


def stuff(data):
    lines = data.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)


def deliver(relay, peer, body, options=" BODY=8BITMIME"):
    data = message(body=body)
    with Raw(relay, timeout=120) as client:
        client.greet()
        assert client.ask(f"MAIL FROM:<{SENDER}>{options}").startswith("250")
        assert client.ask("RCPT TO:<kim@gmail.test>").startswith("250")
        assert client.ask("DATA").startswith("354")
        client.send(stuff(data) + b".\r\n")
        assert client.reply().startswith("250"), "the message is taken"
    return data, wait_until(peer.taken, 60, "the delivery")[0]


@pytest.mark.parametrize("name", BODIES)
def test_body_arrives(rig, name):
    """The body is the same, and so are the header fields that we gave, in their order."""
    relay, peer = rig
    given, taken = deliver(relay, peer, BODIES[name])
    assert taken.body == BODIES[name]
    assert taken.header.endswith(given.split(b"\r\n\r\n", 1)[0])
    assert taken.wire == stuff(taken.data), "dots are stuffed, and nothing else is"
    relay.wait_empty()


@pytest.mark.parametrize("kind", ["base64", "dots"])
def test_twenty_megabytes(new_relay, new_peer, kind):
    """A large message is stored in pieces and leaves whole."""
    peer = new_peer()
    relay = new_relay(delivery={"timeouts": {name: "60s" for name in ("connect", "greeting", "command", "data", "dot", "idle")}})
    relay.route("gmail.test", peer.port)
    relay.start()
    if kind == "base64":
        body = base64.encodebytes(random.Random(7).randbytes(15 << 20)).replace(b"\n", b"\r\n")
    else:
        body = (b"..\r\n.\r\n" + b"." + b"x" * 70 + b"\r\n") * ((20 << 20) // 80)
    assert len(body) > 20_000_000
    _, taken = deliver(relay, peer, body)
    assert taken.body == body
    relay.wait_empty()


def test_missing_fields_are_added(rig):
    """Received always; Date and Message-ID where the sender gave none; nothing else."""
    relay, peer = rig
    send(relay, "kim@gmail.test", b"From: app@sender.test\r\nSubject: bare\r\n\r\nx\r\n")
    taken = wait_until(peer.taken, 20, "the delivery")[0]
    assert len(taken.field("Received")) == 1
    assert len(taken.field("Date")) == 1
    assert len(taken.field("Message-ID")) == 1
    assert taken.field("From") == ["app@sender.test"]
    assert "relay.test" in taken.field("Received")[0]
    send(relay, "kim@gmail.test", message())
    taken = wait_until(lambda: peer.taken()[1:], 20, "the second delivery")[0]
    assert taken.field("Date") == ["Sat, 21 Nov 2026 12:00:00 +0000"]
    assert len(taken.field("Message-ID")) == 1


def test_own_fields_stay_inside(rig):
    """X-Mesura-* fields steer the relay and never leave it."""
    relay, peer = rig
    extra = b"X-Mesura-Job: month-end\r\nX-Mesura-Priority: 9\r\nX-Kept: yes\r\nBcc: secret@sender.test\r\n"
    send(relay, "kim@gmail.test", message(extra=extra))
    taken = wait_until(peer.taken, 20, "the delivery")[0]
    assert b"x-mesura" not in taken.header.lower()
    assert taken.field("X-Kept") == ["yes"]
    event = relay.wait_events("accepted")[0]
    assert event["job"] == "month-end"


def test_many_messages_none_lost(rig):
    """A hundred messages over ten connections arrive once each."""
    relay, peer = rig
    for batch in range(10):
        with Raw(relay) as client:
            client.greet()
            for number in range(10):
                client.envelope("kim@gmail.test")
                client.send(message(subject=f"{batch}-{number}") + b".\r\n")
                assert client.reply().startswith("250")
    relay.wait_empty()
    subjects = [taken.field("Subject")[0] for taken in peer.taken()]
    assert sorted(subjects) == sorted(f"{batch}-{number}" for batch in range(10) for number in range(10))
