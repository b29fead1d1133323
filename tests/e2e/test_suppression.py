"""Recipients that are not written to: learnt, put there by hand, carried as a file."""
from mail import message, send
from patience import wait_until


def unknown(stage, _, argument):
    """There is no mailbox whose name begins with "gone"."""
    return "550 5.1.1 no such user" if stage == "RCPT" and "<gone" in argument else None


def make(new_relay, new_peer, **changes):
    """A relay with a receiver at gmail.test and the senders' own server."""
    relay, peer, home = new_relay(**changes), new_peer(unknown), new_peer()
    relay.route("gmail.test", peer.port)
    relay.route("sender.test", home.port)
    return relay, peer, home


def asked(peer, address):
    """How often the receiver was offered this recipient."""
    return sum(f"<{address}>" in line for session in peer.sessions for line in session.lines if "RCPT" in line.upper())


def test_learnt(new_relay, new_peer):
    """Bulk to a refused mailbox never leaves again, also after a restart; its sender is told; other mail goes."""
    relay, peer, home = make(new_relay, new_peer)
    relay.start()
    send(relay, ["gone1@gmail.test"], message(), listener="bulk")
    wait_until(lambda: len(home.taken()) == 1, 20, "the first notice")
    relay.restart()
    send(relay, ["GONE1@gmail.test", "kim@gmail.test"], message(), listener="bulk")
    event = relay.wait_events("suppressed", 1, recipient="GONE1@gmail.test")[0]
    assert event["code"] == 550 and "no such user" in event["reply"]
    wait_until(lambda: len(home.taken()) == 2, 20, "the second notice")
    assert b"refused this" in home.taken()[1].data and b"Status: 5.7.1" in home.taken()[1].data
    wait_until(lambda: peer.taken(), 20, "the other recipient")
    assert peer.taken()[0].recipients == ["kim@gmail.test"]
    assert asked(peer, "gone1@gmail.test") == 1 and asked(peer, "GONE1@gmail.test") == 0
    send(relay, ["gone1@gmail.test"], message(subject="a password reset"))
    wait_until(lambda: asked(peer, "gone1@gmail.test") == 2, 20, "transactional mail is not kept back")
    relay.wait_empty()


def test_at_delivery(new_relay, new_peer):
    """Who is put on the list while mail waits is not written to when its time comes."""
    relay, peer, home = make(new_relay, new_peer)
    relay.start()
    relay.cli("freeze", "stream", "bulk")
    send(relay, ["eve@gmail.test", "kim@gmail.test", "tom@gmail.test"], message(), listener="bulk")
    wait_until(lambda: relay.status()["queued"] == 3, 20, "all three wait")
    relay.cli("suppress", "add", "eve@gmail.test", "--stream", "bulk", "--why", "asked by telephone")
    relay.cli("thaw", "stream", "bulk")
    relay.wait_empty()
    assert sorted(peer.taken()[0].recipients) == ["kim@gmail.test", "tom@gmail.test"]
    assert asked(peer, "eve@gmail.test") == 0
    assert b"asked by telephone" in home.taken()[0].data
    # a message to nobody else does not even connect
    sessions = len(peer.sessions)
    relay.cli("freeze", "stream", "bulk")
    relay.cli("suppress", "del", "eve@gmail.test")
    send(relay, ["eve@gmail.test"], message(), listener="bulk")
    wait_until(lambda: relay.status()["queued"] == 1, 20, "it waits")
    relay.cli("suppress", "add", "eve@gmail.test")
    relay.cli("thaw", "stream", "bulk")
    relay.wait_empty()
    assert len(peer.sessions) == sessions


def test_file(new_relay, new_peer, tmp_path):
    """What one relay exports another imports; wrong lines are named, the others count."""
    relay, _, _ = make(new_relay, new_peer)
    relay.start()
    source = tmp_path / "list.csv"
    rows = "".join(f"user{n}@x.test,bulk,complaint,\"he said \"\"no\"\", twice\"\r\n" for n in range(1200))
    source.write_bytes(b"email,stream,cause,reason\r\n" + rows.encode() + b"nobody,bulk,,\r\nzoe@x.test,moon,,\r\n")
    said = relay.cli("suppress", "import", str(source), expect=1)
    assert "1200 entries, 2 lines refused" in said
    exported = relay.cli("suppress", "export")
    assert len(exported.splitlines()) == 1201
    other, _, _ = make(new_relay, new_peer)
    other.start()
    (tmp_path / "second.csv").write_text(exported)
    other.cli("suppress", "import", str(tmp_path / "second.csv"))
    assert sorted(other.cli("suppress", "export").splitlines()) == sorted(exported.splitlines())
    row = other.cli_json("suppress", "list", "USER7@x.test")["suppressions"][0]
    assert row["cause"] == "complaint" and row["why"] == 'he said "no", twice' and row["stream"] == "bulk"
    other.cli("suppress", "del", "user7@x.test")
    other.cli("suppress", "list", "user7@x.test", expect=1)
