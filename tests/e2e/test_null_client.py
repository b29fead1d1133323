"""A server of one's own: cron's mail, aliases, other senders, a copy for the archive, a clone that harms nobody."""
from mail import Raw, message, send
from patience import wait_until


def one(peer, count=1):
    return wait_until(lambda: (found := peer.taken()) and len(found) >= count and found, 30, f"{count} deliveries")


def test_cron(new_relay, new_peer):
    """root writes to root: the aliases say who reads it, and the sender is one that can be answered. newaliases works."""
    relay, peer = new_relay(), new_peer()
    aliases = relay.folder / "aliases"
    aliases.write_text("root: admin\nadmin: kim@out.test\n")
    relay.route("out.test", peer.port)
    relay.change(origin="shop.test", aliases=str(aliases),
                 rewrites=[{"from": "root@shop.test", "to": "noreply@shop.test"}],
                 headers=[{"name": "X-Cron-*"}, {"name": "X-Machine", "action": "add", "value": "web1"}])
    relay.start()
    data = b"From: root (Cron Daemon)\r\nTo: root\r\nSubject: job\r\nX-Cron-Env: <SHELL=/bin/sh>\r\n\r\ndone\r\n"
    send(relay, "root", data, sender="root")
    taken = one(peer)[0]
    assert taken.sender == "noreply@shop.test" and taken.recipients == ["kim@out.test"]
    assert taken.field("From") == ["noreply@shop.test (Cron Daemon)"] and taken.field("To") == ["root@shop.test"]
    assert taken.field("X-Machine") == ["web1"] and not taken.field("X-Cron-Env")
    aliases.write_text("root: lee@out.test\n")
    relay.cli("reload")
    wait_until(lambda: send(relay, "root", data, sender="root") == {} and
               any(m.recipients == ["lee@out.test"] for m in peer.taken()), 30, "the new aliases")


def test_archive(new_relay, new_peer):
    """The archive gets each message of its stream; a warm-up counts the real recipients alone."""
    relay, peer = new_relay(), new_peer()
    relay.route("out.test", peer.port)
    relay.set_in("streams", "transactional", archive="all@out.test")
    relay.set_in("sources", "tx1", warmup="tiny")
    relay.change(warmups=[{"name": "tiny", "start": 3, "growth": 1.0, "days": 5, "per": "source"}])
    relay.start()
    for number in range(6):
        send(relay, f"r{number}@out.test", message(f"n{number}"))

    def copies():
        return [m for m in peer.taken() if "all@out.test" in m.recipients]

    wait_until(lambda: len(copies()) == 6, 30, "six copies")
    assert all(m.recipients == ["all@out.test"] for m in copies())
    others = [m for m in peer.taken() if m.recipients != ["all@out.test"]]
    assert len(others) <= 3
    ramp = relay.get("/v1/warmup")["warmup"][0]
    assert ramp["sent"] <= 3


def test_staging(new_relay, new_peer):
    """A clone of a real system reaches its developers and nobody else, by any door."""
    relay, peer = new_relay(), new_peer()
    relay.route("dev.test", peer.port)
    relay.route("customer.test", peer.port)
    relay.change(staging={"redirect_all": "all@dev.test", "allowed": ["tester@customer.test"]})
    relay.start()
    send(relay, ["kim@customer.test", "lee@customer.test"])
    send(relay, "tester@customer.test")
    status, _ = relay.http("POST", "/v1/messages", {"from": "a@dev.test", "to": ["mia@customer.test"],
                                                     "subject": "x", "text": "y"})
    assert status == 200
    taken = one(peer, 3)
    assert sorted(r for m in taken for r in m.recipients) == ["all@dev.test", "all@dev.test", "tester@customer.test"]
    assert [["kim@customer.test, lee@customer.test"], ["mia@customer.test"]] == sorted(
        m.field("X-Meant-For") for m in taken if m.field("X-Meant-For"))


def test_default_listener(new_relay):
    """With a hostname alone there is one listener on 127.0.0.1:25 that trusts loopback: a bare name is taken there."""
    relay = new_relay()
    relay.config["listeners"] = [{"name": "apps", "address": "127.0.0.1", "port": relay.ports["apps"],
                                  "trust": ["127.0.0.0/8", "::1"]}]
    relay.change(delivery={"enabled": False}, aliases="")
    relay.start()
    with Raw(relay) as client:
        client.greet()
        client.envelope("root", sender="root")
        assert client.ask("Subject: x\r\n\r\nhello\r\n.").startswith("250")
    assert relay.queue()[0]["recipient"] == "root@relay.test"
