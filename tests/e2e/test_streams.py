"""Streams are walls: their own sources, and no harm from one to the other."""

import pytest
from mail import Raw, message, send
from patience import stays_true, wait_until
from relay import BULK, TX, check_config

LISTED = "554 5.7.1 Service unavailable; Client host [{}] blocked using bl.spamcop.net; see https://www.spamcop.net"


def blocks_bulk(stage, session, _):
    """A receiver that refuses the source of bulk with the name of a list."""
    return LISTED.format(session.source) if stage == "MAIL" and session.source == BULK else None


@pytest.fixture
def blocked(new_relay, new_peer, tmp_path):
    """A started relay whose bulk source has just been refused by a list's name."""
    pages = tmp_path / "pages"
    script = tmp_path / "page"
    script.write_text(f'#!/bin/sh\necho "$MESURA_EVENT|$MESURA_SOURCE|$MESURA_TEXT" >> {pages}\n')
    script.chmod(0o755)
    relay, peer, desk = new_relay(), new_peer(blocks_bulk), new_peer()
    relay.change(alerts={"command": str(script), "mail": "postmaster@desk.test"})
    relay.route("gmail.test", peer.port)
    relay.route("desk.test", desk.port)
    relay.pages, relay.desk = pages, desk
    relay.start()
    send(relay, "kim@gmail.test", message(subject="bulk 1"), listener="bulk")
    relay.wait_events("blocked")
    return relay, peer


def test_each_stream_has_its_source(rig):
    """By listener and by header: the receiver sees the address of the stream."""
    relay, peer = rig
    send(relay, "kim@gmail.test", message(subject="t"))
    send(relay, "kim@gmail.test", message(subject="b"), listener="bulk")
    send(relay, "kim@gmail.test", message(subject="h", extra=b"X-Mesura-Stream: bulk\r\n"))
    taken = wait_until(lambda: len(peer.taken()) == 3 and peer.taken(), 20, "all three")
    by_subject = {m.field("Subject")[0]: m for m in taken}
    assert by_subject["t"].source == TX and by_subject["t"].session.helo == "tx1.relay.test"
    assert by_subject["b"].source == BULK and by_subject["b"].session.helo == "bulk1.relay.test"
    assert by_subject["h"].source == BULK


def test_header_is_only_for_those_who_may_choose(rig):
    """A client of a listener with one stream is told that it cannot choose another."""
    relay, peer = rig
    with Raw(relay, "bulk") as client:
        client.greet()
        client.envelope("kim@gmail.test")
        client.send(message(extra=b"X-Mesura-Stream: transactional\r\n") + b".\r\n")
        assert client.reply().startswith("550 5.7.1")
        client.envelope("kim@gmail.test")
        client.send(message(extra=b"X-Mesura-Stream: bulk\r\n") + b".\r\n")
        assert client.reply().startswith("250")
    assert wait_until(peer.taken, 20, "the delivery")[0].source == BULK


def test_rules_name_the_stream_of_mail_that_names_none(new_relay, new_peer):
    """A sender's domain, and a header that says it goes to many; not over what the client has chosen."""
    relay, peer = new_relay(), new_peer()
    relay.set_in("streams", "bulk", senders=["news.test"], auto=True)
    relay.route("gmail.test", peer.port)
    relay.start()
    send(relay, "kim@gmail.test", message(subject="plain"))
    send(relay, "kim@gmail.test", message(subject="news"), sender="ann@news.test")
    send(relay, "kim@gmail.test", message(subject="list", extra=b"List-Unsubscribe: <mailto:x@y.test>\r\n"))
    send(relay, "kim@gmail.test", message(subject="bulk", extra=b"Precedence: bulk\r\n"))
    send(relay, "kim@gmail.test", message(subject="own", extra=b"Precedence: bulk\r\nX-Mesura-Stream: transactional\r\n"))
    taken = wait_until(lambda: len(peer.taken()) == 5 and peer.taken(), 20, "all five")
    sources = {m.field("Subject")[0]: m.source for m in taken}
    assert sources == {"plain": TX, "news": BULK, "list": BULK, "bulk": BULK, "own": TX}


def test_block_leaves_the_other_stream_alone(blocked):
    """The source that a list names stops at once; the other one goes on; bulk waits."""
    relay, peer = blocked
    for number in range(5):
        send(relay, "kim@gmail.test", message(subject=f"bulk {number + 2}"), listener="bulk")
        send(relay, "kim@gmail.test", message(subject=f"transactional {number}"))
    wait_until(lambda: len(peer.taken()) == 5, 20, "all of transactional")
    assert {m.source for m in peer.taken()} == {TX}
    tries = len([s for s in peer.sessions if s.source == BULK])
    stays_true(lambda: len([s for s in peer.sessions if s.source == BULK]) == tries, 2.5,
               "no further connection from the stopped source")
    assert len(relay.queue("?stream=bulk")) >= 5
    assert not relay.events("bounced", stream="bulk"), "held, not returned"


def test_block_is_explained(blocked):
    """status, why, blocks and the log name the reply and the list."""
    relay, _ = blocked
    send(relay, "kim@gmail.test", message(subject="held"), listener="bulk")
    wait_until(lambda: any("stop" in w["gate"] or "block" in w["gate"] for w in relay.status()["waits"]), 20,
               "a gate that says why")
    event = relay.events("blocked")[0]
    assert event["source"] == "bulk1"
    assert "blocked using bl.spamcop.net" in event["reply"]
    block = relay.get("/v1/blocks")["blocks"][0]
    assert block["source"] == "bulk1" and block["dnsbl"] == "bl.spamcop.net"
    source = next(s for s in relay.status()["sources"] if s["name"] == "bulk1")
    assert source["state"] == "stopped"
    assert "bl.spamcop.net" in relay.cli("status") and "bl.spamcop.net" in relay.cli("blocks")
    row = relay.queue("?stream=bulk")[0]
    paths = relay.get(f"/v1/why/{row['id']}")["paths"]
    closed = [gate for path in paths for gate in path["gates"] if gate["state"] == "closed"]
    assert closed and any("spamcop" in gate["reply"] for gate in closed), paths


def test_operator_is_told(blocked):
    """The command runs with the facts, and a mail leaves by another source."""
    relay, _ = blocked
    page = wait_until(lambda: relay.pages.exists() and relay.pages.read_text(), 20, "the command")
    assert "bulk1" in page and "spamcop" in page
    mail = wait_until(relay.desk.taken, 30, "the mail to the desk")[0]
    assert mail.source == TX, "not by the source that is stopped"
    assert b"bulk1" in mail.data and b"bl.spamcop.net" in mail.data


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_block_survives(blocked, how):
    """A stop is durable: over a restart and over kill -9."""
    relay, peer = blocked
    if how == "kill":
        relay.kill()
        relay.start()
    else:
        relay.restart()
    tries = len([s for s in peer.sessions if s.source == BULK])
    send(relay, "kim@gmail.test", message(subject="after"), listener="bulk")
    send(relay, "kim@gmail.test", message(subject="free"))
    wait_until(peer.taken, 20, "transactional mail")
    stays_true(lambda: len([s for s in peer.sessions if s.source == BULK]) == tries, 2,
               "no connection from the stopped source")
    assert relay.get("/v1/blocks")["blocks"][0]["source"] == "bulk1"


def test_block_is_cleared(blocked):
    """`mesura blocks clear` lifts it; the mail that waited leaves."""
    relay, peer = blocked
    send(relay, "lee@gmail.test", message(subject="waited"), listener="bulk")
    peer.answers = None
    assert "bulk1" in relay.cli("blocks")
    relay.cli("blocks", "clear", "bulk1")
    wait_until(lambda: any(m.field("Subject") == ["waited"] for m in peer.taken()), 20, "the mail that waited")
    assert relay.wait_events("unblocked")[0]["source"] == "bulk1"
    assert relay.get("/v1/blocks")["blocks"] == []
    relay.cli("blocks", "clear", "bulk1", expect=1)
    relay.cli("blocks", "clear", "nobody", expect=1)
    kinds = [row["kind"] for row in relay.get("/v1/journal")["journal"]]
    assert any("block" in kind or "stop" in kind for kind in kinds), kinds


def test_stop_acts_on_running_transactions(new_relay, new_peer):
    """With many connections open, the stop ends new transactions on all of them."""
    relay, peer = new_relay(), new_peer(blocks_bulk)
    relay.route("gmail.test", peer.port)
    relay.start()
    with Raw(relay, "bulk") as client:
        client.greet()
        for number in range(200):
            client.envelope("kim@gmail.test")
            client.send(message(subject=str(number)) + b".\r\n")
            assert client.reply().startswith("250")
    relay.wait_events("blocked")
    mails = sum(line.startswith("MAIL") for s in peer.sessions for line in s.lines)
    assert mails <= 60, f"{mails} transactions were begun on a source that is refused"
    stays_true(lambda: sum(line.startswith("MAIL") for s in peer.sessions for line in s.lines) == mails, 2,
               "no further transaction")
    assert len(relay.events("blocked")) == 1, "told once, not two hundred times"


def test_source_is_not_shared_by_accident(new_relay, tmp_path):
    """Two streams on one source need `shared`; otherwise it is an error that says so."""
    relay = new_relay()
    relay.set_in("streams", "bulk", sources=["tx1"])
    relay.write_config()
    status, words, _ = check_config(relay.config_path.read_text(), tmp_path)
    assert status == 1 and "shared" in words, words


def test_address_that_is_not_ours(new_relay, new_peer):
    """A source whose address is not on this machine holds its mail and says so; others go on."""
    relay, peer = new_relay(), new_peer()
    relay.set_in("sources", "bulk1", address="192.0.2.77")
    relay.route("gmail.test", peer.port)
    relay.start()
    send(relay, "kim@gmail.test", message(subject="t"))
    send(relay, "kim@gmail.test", message(subject="b"), listener="bulk")
    wait_until(peer.taken, 20, "the other stream")
    relay.wait_events("deferred", stream="bulk")
    assert not relay.events("bounced")
