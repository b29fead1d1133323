"""Messages out of the queue and in: purge, export, import."""
import json
import pathlib
import smtplib

import pytest
from mail import SENDER, message, send
from patience import wait_until

LATER = [{"name": "quick", "steps": ["1h"], "factor": 1.0, "max": "1h"}]
BIG = b"\r\n".join([b"z" * 900] * 700) + b"\r\n"


def refuses(stage, *_):
    return "451 4.3.0 some reply" if stage == "RCPT" else None


@pytest.fixture
def stuck(new_relay, new_peer):
    """A started relay whose receiver defers everything."""
    relay, peer = new_relay(schedules=LATER), new_peer(refuses)
    relay.route("gmail.test", peer.port)
    relay.route("other.test", peer.port)
    relay.start()
    return relay, peer


@pytest.fixture
def second(new_relay, new_peer):
    """Another machine: it delivers at once."""
    relay, peer = new_relay(schedules=LATER), new_peer()
    relay.route("gmail.test", peer.port)
    relay.route("other.test", peer.port)
    relay.start()
    return relay, peer


def fill(relay):
    """Three kinds: one tried and deferred for two recipients, one held, one large; wait until all was tried."""
    send(relay, ["kim@gmail.test", "lee@gmail.test"], message(subject="deferred"))
    send(relay, ["kim@other.test"], message(subject="large", body=BIG))
    relay.wait_events("deferred", 3)
    relay.cli("freeze", "stream", "bulk")
    send(relay, ["max@gmail.test"], message(subject="held", sender=""), sender="", listener="bulk")
    wait_until(lambda: len(relay.queue()) == 4, 10, "four recipients")
    relay.cli("queue", "hold", "--stream", "bulk", "--why", "to look at it")
    wait_until(lambda: all(row["state"] != "active" for row in relay.queue()), 10, "nothing under way")


KEPT = ("id", "sender", "recipient", "domain", "stream", "state", "attempts", "expires_unix_ms",
        "accepted_unix_ms", "priority", "reply", "subject", "client", "size_bytes", "held_by")


def facts(relay):
    """What must be the same on both sides, recipient by recipient."""
    return sorted(tuple((key, row[key]) for key in KEPT) for row in relay.queue())


def times(relay):
    """When each is next tried: kept to a tenth of a second."""
    return [row["next_unix_ms"] or 0 for row in sorted(relay.queue(), key=lambda row: (row["id"], row["recipient"]))]


def same_times(one, other):
    return len(one) == len(other) and all(abs(a - b) <= 200 for a, b in zip(one, other))


def subjects(peer):
    return sorted((m.field("Subject")[0], rcpt) for m in peer.taken() for rcpt in m.recipients)


def test_move_between_relays(stuck, second):
    """A queue moves whole: ids, states, attempts, times, replies; nothing is lost and nothing is on both sides."""
    (relay, peer), (other, receiver) = stuck, second
    fill(relay)
    before, due = facts(relay), times(relay)
    assert max(due) > 0
    target = relay.folder / "out"
    other.cli("freeze", "stream", "transactional")
    other.cli("freeze", "stream", "bulk")
    said = relay.cli("export", str(target))
    assert "4 recipients of 3 messages moved" in said, said
    assert relay.queue() == [] and relay.status()["queued"] == 0
    names = sorted(path.name for path in target.iterdir())
    assert len(names) == 7 and names[-1] == "manifest.json", names
    assert json.loads((target / "manifest.json").read_text())["moved"] is True
    said = other.cli("import", str(target))
    assert "4 recipients of 3 messages imported" in said, said
    assert facts(other) == before
    assert same_times(times(other), due)
    # Both sides remember, also after a crash.
    relay.kill()
    relay.start()
    assert relay.queue() == []
    other.kill()
    other.start()
    assert facts(other) == before
    attempts = other.get(f"/v1/queue/{dict(before[0])['id']}")["attempts"]
    assert any("some reply" in attempt["reply"] for attempt in attempts)
    # And what came is delivered, byte for byte.
    for stream in ("transactional", "bulk"):
        other.cli("thaw", "stream", stream)
    other.cli("queue", "release", "--all")
    other.cli("queue", "retry", "--all")
    other.wait_empty()
    wait_until(lambda: len(receiver.taken()) >= 3, 10, "all of it at the receiver")
    assert subjects(receiver) == [("deferred", "kim@gmail.test"), ("deferred", "lee@gmail.test"),
                                  ("held", "max@gmail.test"), ("large", "kim@other.test")]
    large = next(m for m in receiver.taken() if m.field("Subject") == ["large"])
    assert large.body == BIG
    assert peer.taken() == []


def test_import_twice(stuck, second):
    """A second import of the same messages is refused, while they are queued and after they have gone."""
    (relay, _), (other, receiver) = stuck, second
    fill(relay)
    target = relay.folder / "out"
    relay.cli("export", str(target))
    other.cli("freeze", "stream", "transactional")
    other.cli("import", str(target))
    answer = other.cli_json("import", str(target), expect=1)
    assert answer["refused"] == 3 and answer["count"] == 0
    other.cli("thaw", "stream", "transactional")
    other.cli("queue", "release", "--all")
    other.cli("queue", "retry", "--all")
    other.wait_empty()
    other.restart()
    answer = other.cli_json("import", str(target), expect=1)
    assert answer["refused"] == 3 and "imported here before" in answer["notes"][0]
    assert other.queue() == []
    wait_until(lambda: len(subjects(receiver)) == 4, 10, "all of it at the receiver")
    # Unless somebody insists.
    other.cli("import", str(target), "--again")
    other.wait_events("accepted", 6)


@pytest.mark.parametrize("damage", ["eml", "json", "manifest", "short", "extra"])
def test_half_is_refused(stuck, second, damage):
    """Half of an export is refused whole, with the name of what is missing; nothing is queued."""
    (relay, _), (other, _) = stuck, second
    fill(relay)
    target = relay.folder / "out"
    relay.cli("export", str(target))
    first = sorted(target.glob("*.eml"))[0]
    if damage == "eml":
        first.unlink()
    elif damage == "json":
        first.with_suffix(".json").unlink()
    elif damage == "manifest":
        (target / "manifest.json").unlink()
    elif damage == "short":
        first.write_bytes(first.read_bytes()[:-1])
    else:
        first.unlink()
        first.with_suffix(".json").unlink()
    answer = other.cli_json("import", str(target), expect=1)
    assert "manifest" in answer["error"] or first.stem in answer["error"], answer
    assert other.queue() == [] and other.status()["accepted"] == 0


def test_changed_content_is_refused(stuck, second):
    """A message whose content is not the one described is refused; the others come in."""
    (relay, _), (other, _) = stuck, second
    fill(relay)
    target = relay.folder / "out"
    relay.cli("export", str(target))
    first = sorted(target.glob("*.eml"))[0]
    data = bytearray(first.read_bytes())
    data[-3] ^= 1
    first.write_bytes(data)
    other.cli("freeze", "stream", "transactional")
    answer = other.cli_json("import", str(target), expect=1)
    assert answer["refused"] == 1 and answer["messages"] == 2
    assert first.stem not in {row["id"] for row in other.queue()}


def test_back_into_the_same_queue(stuck):
    """What went out comes back in, and outlives restarts: its former end does not end it again."""
    relay, peer = stuck
    fill(relay)
    before, due = facts(relay), times(relay)
    target = relay.folder / "out"
    relay.cli("export", str(target))
    relay.cli("import", str(target))
    for _ in range(2):
        assert facts(relay) == before
        assert same_times(times(relay), due)
        relay.restart()
    peer.answers = None
    relay.cli("queue", "release", "--all")
    relay.cli("thaw", "stream", "bulk")
    relay.cli("queue", "retry", "--all")
    relay.wait_empty()
    wait_until(lambda: len(subjects(peer)) == 4, 10, "all of it at the receiver")


def test_purge(stuck):
    """Purge removes what is meant and nothing else, and says where its export is; it can come back."""
    relay, peer = stuck
    fill(relay)
    answer = relay.cli_json("queue", "purge", "--rcpt", "lee@*", "--why", "asked for")
    assert answer["count"] == 1 and answer["messages"] == 1
    folder = pathlib.Path(answer["directory"])
    assert folder.is_relative_to(relay.config["spool"])
    assert sorted(row["recipient"] for row in relay.queue()) == ["kim@gmail.test", "kim@other.test", "max@gmail.test"]
    eml, = folder.glob("*.eml")
    envelope = json.loads(eml.with_suffix(".json").read_text())
    assert [r["state"] for r in envelope["recipients"]] == ["gone", "waiting"]
    assert b"Subject: deferred" in eml.read_bytes()
    assert relay.get("/v1/journal?kind=purge")["journal"][0]["evidence"] == "asked for"
    relay.kill()
    relay.start()
    assert len(relay.queue()) == 3
    # Nobody is told: that is what bounce is for.
    assert not relay.events("bounced")
    peer.answers = None
    relay.cli("queue", "release", "--all")
    relay.cli("thaw", "stream", "bulk")
    relay.cli("queue", "retry", "--all")
    relay.wait_empty()
    assert "lee@gmail.test" not in [rcpt for _, rcpt in subjects(peer)]
    relay.cli("import", str(folder))
    relay.cli("queue", "retry", "--all", expect=0)
    relay.wait_empty()
    wait_until(lambda: ("deferred", "lee@gmail.test") in subjects(peer), 10, "the one that came back")


def test_copy_keeps(stuck):
    """`queue export` copies, and says that the messages are still here."""
    relay, _ = stuck
    fill(relay)
    before = facts(relay)
    target = relay.folder / "copy"
    said = relay.cli("queue", "export", "--domain", "gmail.test", "--to", str(target))
    assert "still queued here" in said and len(list(target.glob("*.eml"))) == 2
    assert facts(relay) == before
    assert json.loads((target / "manifest.json").read_text())["moved"] is False
    relay.cli("queue", "export", "--domain", "nobody.test", "--to", str(relay.folder / "none"), expect=1)
    assert not (relay.folder / "none").exists()
    relay.cli("queue", "export", "--all", "--to", str(target), expect=1)  # not empty
    relay.cli("export", "/proc/nowhere", expect=1)
    assert facts(relay) == before


def test_dsn_parameters_survive(stuck, second):
    """ENVID, RET, ORCPT and NOTIFY go along: the bounce on the other side is as it would have been."""
    (relay, _), (other, receiver) = stuck, second
    with smtplib.SMTP("127.0.0.1", relay.ports["apps"], "client.test") as client:
        client.ehlo()
        client.mail(SENDER, ["ENVID=E+2B1", "RET=HDRS"])
        client.rcpt("kim@gmail.test", ["NOTIFY=FAILURE", "ORCPT=rfc822;Kim@example.org"])
        client.rcpt("lee@gmail.test", ["NOTIFY=NEVER"])
        assert client.data(message(subject="params"))[0] == 250
    relay.wait_events("deferred", 2)
    target = relay.folder / "out"
    relay.cli("export", str(target))
    other.route("sender.test", receiver.port)
    other.restart()
    other.cli("import", str(target))
    other.cli("queue", "bounce", "--all", "--why", "a test")
    wait_until(lambda: any(m.sender == "" for m in receiver.taken()), 20, "the notification")
    notice = next(m for m in receiver.taken() if m.sender == "")
    assert b"Original-Envelope-Id: E+" in notice.data and b"rfc822; Kim@example.org" in notice.data
    assert b"lee@gmail.test" not in notice.data
    other.wait_empty()


@pytest.mark.parametrize("selectors", [
    ["--domain", "gmail.test"], ["--site", None], ["--stream", "transactional"], ["--source", "tx1"],
    ["--sender", "app@sender.test"], ["--rcpt", "kim@gmail.test"], ["--client", "127.0.0.1"], ["--job", "spring"],
    ["--subject", "deferred"], ["--state", "deferred"], ["--class", "remote-failure"], ["--reply", "some reply"],
    ["--older", "1s"], ["--newer", "1h"], ["--id", None]])
def test_each_selector(stuck, selectors):
    """Every selector names what it should to hold, release, retry and bounce; what it does not name stays."""
    relay, _ = stuck
    send(relay, ["kim@gmail.test"], message(subject="deferred", extra=b"X-Mesura-Job: spring\r\n"))
    relay.wait_events("deferred")
    relay.cli("freeze", "stream", "bulk")
    send(relay, ["odd@other.test"], message(subject="untouched"), sender="", listener="bulk")
    wait_until(lambda: {"deferred", "untouched"} == {row["subject"] for row in relay.queue()}, 10, "both of them")
    if selectors[-1] is None:
        name = selectors[0]
        selectors = [name, next(row[name[2:]] for row in relay.queue() if row["subject"] == "deferred")]
    wait_until(lambda: len(relay.queue("?older=2s")) == 2, 10, "their age")
    is_age = selectors[0] in ("--newer", "--older", "--client", "--site")
    for act, state in (("hold", "held"), ("release", "ready"), ("retry", None)):
        if selectors[0] in ("--state",) and act == "release":
            selectors = ["--state", "held"]
        elif selectors[0] in ("--state",):
            selectors = ["--state", "deferred"]
        wait_until(lambda: all(row["state"] != "active" for row in relay.queue()), 10, "nothing under way")
        before = len(relay.events("deferred"))
        relay.cli("queue", act, *selectors)
        if state == "held":
            rows = {row["subject"]: row["state"] for row in relay.queue()}
            assert rows["deferred"] == "held"
            assert is_age or rows["untouched"] != "held"
            relay.kill()
            relay.start()
            assert {row["subject"]: row["state"] for row in relay.queue()} == rows
        else:
            wait_until(lambda before=before: len(relay.events("deferred")) > before, 20, "another attempt")
    wait_until(lambda: all(row["state"] != "active" for row in relay.queue()), 10, "nothing under way")
    relay.cli("queue", "bounce", *selectors)
    relay.wait_events("bounced")
    assert "deferred" not in {row["subject"] for row in relay.queue() if row["sender"] == SENDER}
