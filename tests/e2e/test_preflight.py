"""A source is checked before its warm-up: PTR, HELO, SPF, block lists; held until it passes or is forced."""
import pytest
from dnsserver import NameServer
from mail import message, send
from patience import stays_true, wait_until

IP, HELO = "192.0.2.20", "b1.example.com"
GOOD = {
    ("20.2.0.192.in-addr.arpa", "PTR"): [HELO],
    (HELO, "A"): [IP],
    ("example.com", "TXT"): ["v=spf1 a:b1.example.com -all"],
    # The block list is healthy and does not have the address.
    ("2.0.0.127.bl.test", "A"): ["127.0.0.2"],
}


@pytest.fixture
def warming(new_relay, new_peer):
    """A relay whose bulk source is warming up, the names that the world knows, and the receiver."""
    names = NameServer({})
    peer = new_peer()
    relay = new_relay(warmups=[{"name": "mine", "start": 5000, "days": 30, "per": "source"}],
                      dns={"servers": [f"127.0.0.1:{names.port}"], "timeout": "1s"},
                      dnsbl={"servers": [f"127.0.0.1:{names.port}"], "zones": [{"zone": "bl.test"}]})
    relay.set_in("sources", "bulk1", warmup="mine", public=IP, helo=HELO)
    relay.route("gmail.test", peer.port)
    yield relay, names, peer
    names.close()


def submit_many(relay, count, listener="apps"):
    for i in range(count):
        send(relay, "kim@gmail.test", message(f"number {i}"), listener=listener)


def state(relay):
    return next(row for row in relay.get("/v1/warmup")["warmup"] if row["source"] == "bulk1" and row["site"] == "")


def without(*missing):
    return {key: value for key, value in GOOD.items() if key not in missing}


def test_a_good_source_starts_by_itself(warming):
    relay, names, peer = warming
    names.records = GOOD
    relay.start()
    submit_many(relay, 5, "bulk")
    wait_until(lambda: len(peer.taken()) == 5, 30, "the mail of a source that has passed")
    row = state(relay)
    assert row["state"] == "running" and row["preflight"] == "passed", row
    assert ("20.2.0.192.in-addr.arpa", "PTR") in names.asked
    assert next(s for s in relay.get("/v1/sources")["sources"] if s["name"] == "bulk1")["preflight"] == "passed"


@pytest.mark.parametrize("records, word", [
    (without(("20.2.0.192.in-addr.arpa", "PTR")), "no PTR"),
    ({**GOOD, (HELO, "A"): ["192.0.2.99"]}, "does not lead back"),
    (without(("example.com", "TXT")), "no SPF record"),
    ({**GOOD, ("example.com", "TXT"): ["v=spf1 ip4:198.51.100.0/24 ~all"]}, "softfail"),
    ({**GOOD, ("20.2.0.192.bl.test", "A"): ["127.0.0.2"]}, "listed in bl.test"),
], ids=["ptr", "forward", "spf", "softfail", "listed"])
def test_a_bad_source_is_held_until_it_is_mended(warming, records, word):
    """What is wrong is said; nothing leaves, not after a kill either; once mended, `warmup start` asks again."""
    relay, names, peer = warming
    names.records = records
    relay.start()
    submit_many(relay, 5, "bulk")
    submit_many(relay, 3)
    wait_until(lambda: len(peer.taken()) == 3, 20, "the other stream")
    wait_until(lambda: state(relay)["preflight"].startswith("failed"), 30, "the checks")
    assert word in state(relay)["preflight"], state(relay)
    assert state(relay)["state"] == "preflight"
    assert "checks" in relay.cli("why", "gmail.test") and word in relay.cli("warmup", "bulk1")
    assert any(word in str(e) for e in relay.events("warmup"))
    relay.kill()
    relay.start()
    stays_true(lambda: len(peer.taken()) == 3, 3, "held")
    if "listed" in word:
        return  # how a listing ends is for test_stops.py
    names.records = GOOD
    relay.cli("warmup", "start", "bulk1")
    wait_until(lambda: len(peer.taken()) == 8, 30, "the mail, once mended")
    assert state(relay)["preflight"] == "passed"


def test_force_needs_a_reason(warming):
    """An operator may know better, and says why; it is in the journal and survives a restart."""
    relay, _, peer = warming
    relay.start()
    submit_many(relay, 5, "bulk")
    wait_until(lambda: state(relay)["preflight"].startswith("failed"), 30, "the checks")
    relay.cli("warmup", "start", "bulk1", "--force", expect=2)
    stays_true(lambda: not peer.taken(), 1, "held")
    relay.cli("warmup", "start", "bulk1", "--force", "--why", "PTR comes tomorrow")
    wait_until(lambda: len(peer.taken()) == 5, 20, "the mail")
    rows = relay.get("/v1/journal?kind=preflight")["journal"]
    assert any(row["after"] == "forced" and "PTR comes tomorrow" in str(row) for row in rows), rows
    relay.restart()
    assert state(relay)["preflight"] == "forced: PTR comes tomorrow"
