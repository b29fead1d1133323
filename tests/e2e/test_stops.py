"""Stops that end by proof: what a block list says about our own address decides."""
import pathlib
import shutil
import socket
import subprocess

import pytest
from dnsserver import NameServer
from mail import message, send
from patience import stays_true, wait_until
from relay import BULK, TX, free_port

PUBLIC = {TX: "192.0.2.11", BULK: "192.0.2.12"}  # as the relay's sources are seen from outside
SPAMCOP, ZEN = "bl.spamcop.net", "zen.spamhaus.org"
LISTED = "554 5.7.1 Service unavailable; Client host [{}] blocked using {}"


def reverse(address, zone):
    return ".".join(reversed(address.split("."))) + "." + zone


def zone_records(zone, listed, healthy=True):
    """What a list answers: its test entry, and the addresses that it has."""
    records = {(reverse(address, zone), "A"): [code] for address, code in listed.items()}
    if healthy:
        records[(reverse("127.0.0.2", zone), "A")] = ["127.0.0.2"]
    return records


class Lists:
    """A name server of block lists, and the relay's answers at its receivers."""

    def __init__(self, new_relay, new_peer, records):
        self.names = NameServer(records)
        self.refusing = {}  # source address -> the whole reply to MAIL
        self.stage = "MAIL"
        self.one = new_peer(self.answer)
        self.two = new_peer()
        self.relay = new_relay(dnsbl={"servers": [f"127.0.0.1:{self.names.port}"]})
        for name, address in (("tx1", TX), ("bulk1", BULK)):
            self.relay.set_in("sources", name, public=PUBLIC[address])
        self.relay.route("one.test", self.one.port)
        self.relay.route("two.test", self.two.port)
        self.relay.start()

    def answer(self, stage, session, _):
        return self.refusing.get(session.source) if stage == self.stage else None

    def refuse(self, source, zone, address=None):
        self.refusing[source] = LISTED.format(address or PUBLIC[source], zone)
        send(self.relay, "kim@one.test", message(subject="refused"), listener="bulk" if source == BULK else "apps")

    def block(self, name, site=""):
        rows = self.relay.get("/v1/blocks")["blocks"]
        return next((row for row in rows if row["source"] == name and row["site"] == site), None)

    def arrives(self, subject, listener="apps"):
        """Mail to the other receiver, which never refuses."""
        send(self.relay, "kim@two.test", message(subject=subject), listener=listener)
        wait_until(lambda: any(m.field("Subject") == [subject] for m in self.two.taken()), 20, subject)

    def waits(self, subject, listener="apps", domain="two.test"):
        send(self.relay, f"kim@{domain}", message(subject=subject), listener=listener)
        peer = self.two if domain == "two.test" else self.one
        stays_true(lambda: not any(m.field("Subject") == [subject] for m in peer.taken()), 1.5, f"{subject} waits")

    def ruled(self, name, reach):
        """The stop has its ruling: the event says for whom it holds."""
        return self.relay.wait_events("limit", source=name, after=reach, seconds=60)


@pytest.fixture
def lists(new_relay, new_peer):
    made = []

    def make(records):
        made.append(Lists(new_relay, new_peer, records))
        return made[-1]

    yield make
    for one in made:
        one.names.close()


def test_grave_listing_stops_everything(lists):
    """SBL and its like: nothing leaves from the source, also after kill -9; the list is said."""
    world = lists(zone_records(ZEN, {PUBLIC[TX]: "127.0.0.3"}))
    world.refuse(TX, ZEN)
    world.relay.wait_events("listed", source="tx1")
    world.ruled("tx1", "everything")
    assert world.relay.events("listed")[0]["dnsbl"] == ZEN
    world.waits("held")
    world.relay.kill()
    world.relay.start()
    world.waits("held after a crash")
    world.arrives("bulk has its own source", listener="bulk")
    assert len(world.relay.events("blocked")) == 1, "told once"


def test_complaint_listing_spares_transactional_mail(lists):
    """SpamCop: bulk waits everywhere; another stream of the same source would go carefully."""
    world = lists(zone_records(SPAMCOP, {PUBLIC[TX]: "127.0.0.2"}))
    world.refuse(TX, SPAMCOP)
    world.ruled("tx1", "bulk; transactional carefully")
    world.arrives("careful")
    world.waits("not to who refused", domain="one.test")


def test_address_that_is_not_ours(lists):
    """A receiver that names somebody else's address is stopped alone; nobody is asked."""
    world = lists(zone_records(SPAMCOP, {PUBLIC[TX]: "127.0.0.2", "203.0.113.9": "127.0.0.2"}))
    asked = len(world.names.asked)
    world.refuse(TX, SPAMCOP, "203.0.113.9")
    wait_until(lambda: world.block("tx1", f"127.0.0.1:{world.one.port}"), 20, "the lane's stop")
    world.arrives("to others")
    world.waits("not to this one", domain="one.test")
    assert world.block("tx1") is None
    assert not [name for name, _ in world.names.asked[asked:] if "203" in name]


def test_zone_that_cannot_tell(lists):
    """A list that answers everything (an expired domain) is not believed: bulk alone waits."""
    world = lists(zone_records(SPAMCOP, {PUBLIC[TX]: "203.0.113.1", "127.0.0.2": "203.0.113.1",
                                         "127.0.0.1": "203.0.113.1"}, healthy=False))
    world.refuse(TX, SPAMCOP)
    world.ruled("tx1", "bulk")
    assert not world.relay.events("listed")
    world.arrives("transactional goes on")


@pytest.mark.parametrize("stage", ["connect", "RCPT", "DOT"])
def test_refusals_at_other_stages(lists, stage):
    """A list named in the banner, at RCPT or after the message stops the source as well."""
    world = lists(zone_records(ZEN, {PUBLIC[BULK]: "127.0.0.2"}))
    world.stage = stage
    world.refuse(BULK, ZEN)
    world.ruled("bulk1", "everything")
    world.waits("bulk", listener="bulk")
    world.arrives("transactional")


def test_observe_stops_nothing(lists):
    """A stream that only observes: journalled, not stopped, and the reply decides."""
    world = lists(zone_records(ZEN, {PUBLIC[TX]: "127.0.0.2"}))
    world.relay.set_in("streams", "transactional", mode="observe")
    world.relay.restart()
    world.refuse(TX, ZEN)
    world.relay.wait_events("bounced")
    world.relay.wait_events("limit", source="tx1", after="live; would stop the source")
    world.arrives("as before")
    assert world.relay.get("/v1/blocks")["blocks"] == [] and not world.relay.events("blocked")


def test_recipient_that_was_refused_is_held(lists):
    """Who got the 5xx is held; when the stop is lifted it is tried once more."""
    world = lists(zone_records(ZEN, {PUBLIC[BULK]: "127.0.0.2"}))
    world.refuse(BULK, ZEN)
    world.relay.wait_events("held", stream="bulk")
    world.ruled("bulk1", "everything")
    world.refusing.clear()
    world.relay.cli("blocks", "clear", "bulk1")
    wait_until(lambda: any(m.field("Subject") == ["refused"] for m in world.one.taken()), 20, "its one more try")
    world.relay.wait_empty()


def test_real_list(new_relay, new_peer, tmp_path):
    """rbldnsd, which real lists run: it says listed, and the source is stopped by proof."""
    data = tmp_path / "list"
    data.write_text(f":127.0.0.2:listed\n127.0.0.2\n{PUBLIC[BULK]}\n")
    port = free_port()
    program = shutil.which("rbldnsd") or "/usr/sbin/rbldnsd"
    user = pathlib.Path(tmp_path).owner()
    tmp_path.chmod(0o755)
    for folder in list(tmp_path.parents)[:3]:
        if folder.owner() == user and folder != pathlib.Path("/tmp"):
            folder.chmod(0o755)
    daemon = subprocess.Popen([program, "-n", "-b", f"127.0.0.1/{port}", "-w", "/", f"rbl.partner.test:ip4set:{data}"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        def is_up():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.settimeout(0.5)
                probe.connect(("127.0.0.1", port))
                labels = b"".join(bytes([len(x)]) + x for x in b"2.0.0.127.rbl.partner.test".split(b"."))
                try:
                    probe.send(b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01")
                    return probe.recv(512)[7] == 1
                except OSError:
                    assert daemon.poll() is None, daemon.stdout.read()
                    return False

        wait_until(is_up, 20, "rbldnsd")
        peer = new_peer(lambda stage, session, _: LISTED.format(PUBLIC[BULK], "rbl.partner.test")
                        if stage == "MAIL" and session.source == BULK else None)
        relay = new_relay(dnsbl={"servers": [f"127.0.0.1:{port}"],
                                 "zones": [{"zone": "rbl.partner.test", "kind": "grave", "codes": ["127.0.0.2"]}]})
        relay.set_in("sources", "bulk1", public=PUBLIC[BULK])
        relay.route("one.test", peer.port)
        relay.start()
        send(relay, "kim@one.test", message(), listener="bulk")
        event = relay.wait_events("listed", source="bulk1", seconds=60)[0]
        assert event["dnsbl"] == "rbl.partner.test"
        assert relay.get("/v1/blocks")["blocks"][0]["source"] == "bulk1"
    finally:
        daemon.kill()
        daemon.wait()
