"""From a domain to a server: MX, preferences, what may not be a destination."""
import pytest
from dnsserver import NameServer
from mail import send
from patience import stays_true, wait_until


@pytest.fixture
def dns():
    """Make name servers."""
    made = []

    def make(records, failing=()):
        server = NameServer(records, failing)
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


def configure(new_relay, server, port, **delivery):
    return new_relay(dns={"servers": [f"127.0.0.1:{server.port}"], "timeout": "1s"},
                     delivery={"port": port, "ipv6": False, **delivery}).start()


def test_lowest_preference_first(new_relay, new_peer, dns):
    """The best MX gets the mail; when nobody listens there, the next one does."""
    peer = new_peer(address="127.0.0.31")
    server = dns({("x.test", "MX"): [(20, "second.x.test"), (10, "first.x.test")],
                  ("first.x.test", "A"): ["127.0.0.30"], ("second.x.test", "A"): ["127.0.0.31"]})
    relay = configure(new_relay, server, peer.port)
    send(relay, "kim@x.test")
    wait_until(peer.taken, 30, "the delivery to the second")
    assert relay.wait_events("delivered")[0]["remote_host"].rstrip(".") == "second.x.test"


def test_address_without_mx(new_relay, new_peer, dns):
    """A domain without MX is its own server."""
    peer = new_peer(address="127.0.0.32")
    relay = configure(new_relay, dns({("y.test", "A"): ["127.0.0.32"]}), peer.port)
    send(relay, "kim@y.test")
    wait_until(peer.taken, 30, "the delivery")


@pytest.mark.parametrize("name, records, words", [
    ("null MX", {("n.test", "MX"): [(0, ".")]}, "5.1.10"),
    ("no such domain", {("other.test", "A"): ["127.0.0.1"]}, "5.1.2"),
])
def test_domain_that_takes_no_mail(new_relay, dns, name, records, words):
    """It is final: the sender learns it at once, with the reason."""
    relay = configure(new_relay, dns(records), 9)
    send(relay, "kim@n.test", sender="")
    event = relay.wait_events("bounced", seconds=30)[0]
    assert words in event["reply"], f"{name}: {event}"
    assert event["class"] == "bad-domain"


def test_resolver_trouble_is_temporary(new_relay, dns):
    """SERVFAIL says nothing about the domain: the mail waits."""
    relay = configure(new_relay, dns({("n.test", "A"): ["127.0.0.1"]}, failing=["n.test"]), 9)
    send(relay, "kim@n.test")
    wait_until(lambda: any(row["gate"] for row in relay.queue()), 30, "a gate that says why")
    stays_true(lambda: not relay.events("bounced"), 3, "no bounce")


def test_private_mx_is_no_destination(new_relay, new_peer, dns):
    """A stranger's MX may not point into our own network."""
    peer = new_peer(address="127.0.0.33")
    server = dns({("z.test", "MX"): [(10, "mx.z.test")], ("mx.z.test", "A"): ["127.0.0.33"]})
    relay = configure(new_relay, server, peer.port, allow_private_mx=False)
    send(relay, "kim@z.test", sender="")
    wait_until(lambda: relay.events("bounced") or relay.events("deferred"), 30, "a verdict")
    assert peer.sessions == [], "not even a connection"


def test_smart_host(new_relay, new_peer):
    """The route "*" takes everything that no other route takes."""
    smart, own = new_peer(), new_peer()
    relay = new_relay()
    relay.route("own.test", own.port)
    relay.route("*", smart.port)
    relay.start()
    send(relay, ["kim@far.test"])
    send(relay, ["lee@own.test"])
    assert wait_until(smart.taken, 20, "by the smart host")[0].recipients == ["kim@far.test"]
    assert wait_until(own.taken, 20, "by the route")[0].recipients == ["lee@own.test"]


def test_route_by_sender(new_relay, new_peer):
    """Each tenant has a smart host of its own; mail of one message never goes by another's, also after a restart."""
    one, two, rest = new_peer(), new_peer(), new_peer()
    relay = new_relay()
    relay.route("*", one.port, sender="@one.test")
    relay.route("*", two.port, sender="boss@two.test")
    relay.route("*", rest.port)
    relay.start()
    send(relay, "kim@far.test", sender="a@one.test")
    send(relay, "kim@far.test", sender="boss@two.test")
    send(relay, "kim@far.test", sender="other@two.test")
    assert wait_until(one.taken, 20, "one's")[0].sender == "a@one.test"
    assert wait_until(two.taken, 20, "two's")[0].sender == "boss@two.test"
    assert wait_until(rest.taken, 20, "the rest")[0].sender == "other@two.test"
    relay.cli("freeze", "stream", "transactional")
    send(relay, "lee@far.test", sender="b@one.test")
    assert [row["domain"] for row in relay.queue("?domain=far.test")] == ["far.test"]
    relay.restart()
    relay.cli("thaw", "stream", "transactional")
    wait_until(lambda: len(one.taken()) == 2, 20, "one's second")
    assert len(two.taken()) == len(rest.taken()) == 1
