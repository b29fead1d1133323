"""TLS with receivers: what an operator asks for, what DANE asks for, and certificates of every kind."""
import http.server
import smtplib
import ssl
import threading

import pytest
from certs import Authority, context, tlsa
from dnsserver import NameServer
from mail import message, send
from patience import stays_true, wait_until
from peer import CLOSE
from relay import free_port

NAME, ADDRESS = "mx.x.test", "127.0.0.41"
RECORD = f"_PORT._tcp.{NAME}", "TLSA"


@pytest.fixture
def dns():
    """Make name servers."""
    made = []

    def make(*args, **kwargs):
        made.append(NameServer(*args, **kwargs))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def start(new_relay, new_peer, dns, authority):
    """A started relay and the one receiver of x.test, with this certificate."""

    def make(policy, paths, more=None, secure=(), failing=(), answers=None, config=None, **peer_options):
        peer = new_peer(answers, address=ADDRESS, tls=context(paths) if paths else None, **peer_options)
        zone = {("x.test", "MX"): [(10, NAME)], (NAME, "A"): [ADDRESS],
                **{(name.replace("PORT", str(peer.port)), kind): value for (name, kind), value in (more or {}).items()}}
        server = dns(zone, {name.replace("PORT", str(peer.port)) for name in failing}, secure)
        relay = new_relay(dns={"servers": [f"127.0.0.1:{server.port}"], "timeout": "2s"},
                          delivery={"port": peer.port, "ipv6": False, "tls": policy, "trust": str(authority.root)},
                          **(config or {}))
        return relay.start(), peer

    return make


def expect_delivered(relay, peer, *words):
    send(relay, "kim@x.test")
    taken = wait_until(peer.taken, 30, "the delivery")[0]
    assert taken.session.tls, "not in clear"
    event = relay.wait_events("delivered")[0]
    assert all(word in event["tls"] for word in words), event
    return event


def expect_kept(relay, peer, *words):
    """Deferred with these words, and nothing of the message was ever said."""
    send(relay, "kim@x.test")
    event = relay.wait_events("deferred", seconds=30)[0]
    assert all(word in event["reply"] for word in words), event
    stays_true(lambda: not peer.taken() and not relay.events("delivered"), 1.5, "kept")
    assert not any(line.startswith("MAIL") for session in peer.sessions for line in session.lines)
    return event


def test_verified(start, authority):
    """A certificate of that name from a trusted root; the log tells whose it was."""
    relay, peer = start("verify", authority.issue(NAME))
    event = expect_delivered(relay, peer, "TLSv1.3", "verified")
    assert event["tls_policy"] == "verify"
    assert event["tls_subject"] == NAME and event["tls_issuer"] == "test root"


@pytest.mark.parametrize("case", ["another name", "expired", "self-signed", "none offered", "broken handshake"])
def test_not_verified(start, authority, case):
    """What cannot be verified gets no mail, and never in clear."""
    paths = {"another name": lambda: authority.issue("mx.y.test"),
             "expired": lambda: authority.issue(NAME, end="20210101000000Z"),
             "self-signed": lambda: authority.issue(NAME, signed=False),
             "none offered": lambda: None,
             "broken handshake": lambda: authority.issue(NAME)}[case]()
    answers = None
    if case == "broken handshake":
        answers = lambda stage, *_: b"220 go on\r\n\x15\x03\x01\x00\x02\x02\x28" if stage == "STARTTLS" else None  # noqa: E731
    relay, peer = start("verify", paths, answers=answers)
    event = expect_kept(relay, peer)
    assert event["stage"] == "starttls"


def test_site_has_its_own_policy(start, authority):
    """site.tls goes before delivery.tls, for that site alone."""
    site = {"name": "x", "match": ["x.test"], "tls": "verify"}
    relay, peer = start("opportunistic", authority.issue("mx.y.test"),
                        config={"sites": [{"name": "default", "max_rate": "unlimited", "max_connections": 20}, site]})
    expect_kept(relay, peer, "TLS")


def test_injection(start, authority):
    """What follows the 220 of STARTTLS in clear was not said under TLS: no mail, not even in clear."""
    relay, peer = start("opportunistic", authority.issue(NAME), answers=lambda stage, *_: (
        b"220 go on\r\n250-mx.x.test\r\n250 SIZE 1\r\n" if stage == "STARTTLS" else None))
    expect_kept(relay, peer, "followed the answer to STARTTLS")


def test_zoo(start, authority):
    """Odd certificates are good enough where TLS is optional: better than clear."""
    names = [f"n{number}.x.test" for number in range(300)]
    zoo = {"another name": authority.issue("mx.y.test"), "expired": authority.issue(NAME, end="20210101000000Z"),
           "of tomorrow": authority.issue(NAME, start="20900101000000Z", end="20991231000000Z"),
           "self-signed": authority.issue(NAME, signed=False), "nobody's": authority.issue(subject="/"),
           "300 names": authority.issue(*names), "an address": authority.issue(ADDRESS),
           "a weak key": authority.issue(NAME, key=("rsa:1024",)),
           "a strange name": authority.issue(subject="/CN=a\x1b[2J\x07b")}
    for case, paths in zoo.items():
        relay, peer = start("opportunistic", paths)
        event = expect_delivered(relay, peer, "TLSv1")
        assert case == "a weak key" or "verified" not in event["tls"], case
        assert "\x1b" not in event.get("tls_subject", ""), case
        relay.stop()
        peer.close()


def test_sessions_are_resumed(start, authority):
    """The second connection to a host goes on where the first ended."""
    relay, peer = start("verify", authority.issue(NAME),
                        config={"sites": [{"name": "default", "max_rate": "unlimited", "max_connections": 1,
                                           "messages_per_connection": 1}]})
    for number in range(1, 7):
        send(relay, "kim@x.test")
        relay.wait_events("delivered", number)
    texts = [event["tls"] for event in relay.events("delivered")]
    assert all("verified" in text for text in texts), texts
    assert any("resumed" in text for text in texts[1:]), texts


# MTA-STS.

class PolicyHost:
    """https://mta-sts.x.test: one policy, or another answer."""

    def __init__(self, paths, policy, status=200):
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked.append(self.path)
                body = host.policy.replace("\n", "\r\n").encode()
                self.send_response(host.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.asked, self.policy, self.status = [], policy, status
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context(paths).wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def policy_of(mode, *hosts):
    return f"version: STSv1\nmode: {mode}\n" + "".join(f"mx: {host}\n" for host in hosts) + "max_age: 86400\n"


@pytest.fixture
def published(authority):
    """Publish a policy; what start() has to be given for it."""
    made = []

    def make(policy, names=("mta-sts.x.test",), status=200):
        host = PolicyHost(authority.issue(*names), policy, status)
        made.append(host)
        zone = {("_mta-sts.x.test", "TXT"): ["v=STSv1; id=1;"], ("mta-sts.x.test", "A"): ["127.0.0.1"]}
        return host, {"more": zone, "config": {"mta_sts": {"port": host.port, "timeout": "10s"}}}

    yield make
    for host in made:
        host.close()


def test_sts_enforced(start, authority, published):
    """The policy names the host and its certificate is good: delivered, verified; fetched once for all."""
    host, how = published(policy_of("enforce", NAME))
    relay, peer = start("sts", authority.issue(NAME), **how)
    event = expect_delivered(relay, peer, "verified")
    assert event["tls_policy"] == "verify"
    send(relay, "lee@x.test")
    relay.wait_events("delivered", 2)
    assert host.asked == ["/.well-known/mta-sts.txt"]


def test_sts_survives_a_restart(start, authority, published):
    """The cached policy holds after a restart, when the policy host is gone."""
    host, how = published(policy_of("enforce", NAME))
    relay, peer = start("sts", authority.issue(NAME), **how)
    expect_delivered(relay, peer, "verified")
    host.status = 500
    relay.restart()
    send(relay, "lee@x.test")
    event = relay.wait_events("delivered", 2)[1]
    assert event["tls_policy"] == "verify", event
    assert host.asked == ["/.well-known/mta-sts.txt"], "the version is the same: nothing to fetch"


@pytest.mark.parametrize("case", ["another host", "bad certificate", "no STARTTLS"])
def test_sts_broken(start, authority, published, case):
    """What an enforced policy forbids is not done: deferred, and never in clear."""
    _, how = published(policy_of("enforce", "other.x.test" if case == "another host" else "*.x.test"))
    paths = {"another host": lambda: authority.issue(NAME), "bad certificate": lambda: authority.issue("mx.y.test"),
             "no STARTTLS": lambda: None}[case]()
    relay, peer = start("sts", paths, **how)
    expect_kept(relay, peer)
    if case == "another host":
        assert peer.sessions == [], "not even a connection"


@pytest.mark.parametrize("case", ["testing", "none", "no policy", "bad web certificate", "web error"])
def test_sts_that_binds_nobody(start, authority, published, case):
    """Testing, none, or a policy that cannot be had: the mail goes as without one."""
    policy = {"testing": policy_of("testing", "other.x.test"), "none": policy_of("none"),
              "no policy": "nothing here"}.get(case, policy_of("enforce", "other.x.test"))
    names = ("www.x.test",) if case == "bad web certificate" else ("mta-sts.x.test",)
    _, how = published(policy, names, 404 if case == "web error" else 200)
    relay, peer = start("sts", authority.issue("mx.y.test"), **how)
    assert expect_delivered(relay, peer)["tls_policy"] == "opportunistic"


def test_dane_wins_over_sts(start, authority, published):
    """TLSA records decide, whatever the MTA-STS policy says of the host."""
    _, how = published(policy_of("enforce", "other.x.test"))
    paths = authority.issue("mx.y.test")
    how["more"][RECORD] = [tlsa(paths[0])]
    relay, peer = start("sts", paths, secure=["*"], **how)
    expect_delivered(relay, peer, "dane")


# REQUIRETLS and TLS-Required: No (RFC 8689).

def submit_over_tls(relay, to, options=(), data=None):
    """Through the listener with TLS."""
    with smtplib.SMTP("127.0.0.1", relay.ports["tls"], "client.test", timeout=60) as client:
        client.starttls(context=ssl._create_unverified_context())  # noqa: S323
        client.ehlo()
        assert client.has_extn("requiretls")
        client.sendmail("app@sender.test", [to], data or message(to=to), options)


def with_tls_listener(authority):
    paths = authority.issue("relay.test")
    port = free_port()
    return port, {"tls": {"certificate": str(paths[0]), "key": str(paths[1])}, "listeners": [
        {"name": "apps", "address": "127.0.0.1", "port": port, "tls": "starttls", "stream": "transactional",
         "trust": ["127.0.0.0/8"]}]}


@pytest.mark.parametrize("case", ["offered", "not offered", "not proven", "bad certificate"])
def test_requiretls(start, authority, case):
    """A proven host, a good certificate and the keyword, or the message comes back at once."""
    port, config = with_tls_listener(authority)
    keywords = ("PIPELINING",) if case == "not offered" else ("PIPELINING", "REQUIRETLS")
    paths = authority.issue("mx.y.test" if case == "bad certificate" else NAME)
    relay, peer = start("dane", paths, secure=[] if case == "not proven" else ["*"], config=config, keywords=keywords)
    relay.ports["tls"] = port
    submit_over_tls(relay, "kim@x.test", ["REQUIRETLS"])
    if case == "offered":
        taken = wait_until(peer.taken, 30, "the delivery")[0]
        assert "REQUIRETLS" in taken.mail_line
        assert "verified" in relay.wait_events("delivered")[0]["tls"]
    elif case == "bad certificate":
        assert relay.wait_events("deferred", seconds=30)[0]["stage"] == "starttls"
    else:
        event = relay.wait_events("bounced", seconds=30)[0]
        assert ("5.7.30" if case == "not offered" else "5.7.10") == event["enhanced"], event
        assert not any(line.startswith("MAIL") for session in peer.sessions for line in session.lines)


def test_tls_required_no(start, authority, published):
    """The sender would rather have it arrive: the receiver's policies are put aside."""
    _, how = published(policy_of("enforce", "other.x.test"))
    relay, peer = start("sts", authority.issue("mx.y.test"), **how)
    send(relay, "kim@x.test", message(extra=b"TLS-Required: No\r\n"))
    assert wait_until(peer.taken, 30, "the delivery")[0].session.tls


# DANE.

def test_dane(start, authority):
    """The certificate of the TLSA record is good, whatever its name and dates."""
    paths = authority.issue("mx.y.test", end="20210101000000Z")
    relay, peer = start("dane", paths, {RECORD: [tlsa(paths[0])]}, secure=["*"])
    event = expect_delivered(relay, peer, "verified", "dane")
    assert event["tls_policy"] == "dane"


def test_dane_issuer(start, authority):
    """Usage 2: a certificate of that name by the issuer of the record; python sends no root."""
    paths = authority.issue(NAME)
    chain = paths[0].parent / "chain.pem"
    chain.write_bytes(paths[0].read_bytes() + authority.root.read_bytes())
    relay, peer = start("dane", (chain, paths[1]), {RECORD: [tlsa(authority.root, usage=2)]}, secure=["*"])
    expect_delivered(relay, peer, "dane")


def test_dane_mismatch(start, authority):
    """Another certificate than the record's: no mail, though it is trusted and of that name."""
    paths, other = authority.issue(NAME), authority.issue(NAME)
    relay, peer = start("dane", paths, {RECORD: [tlsa(other[0])]}, secure=["*"])
    expect_kept(relay, peer, "TLS")


def test_dane_stripped(start, authority):
    """A record, and no STARTTLS: somebody has taken it away."""
    relay, peer = start("dane", None, {RECORD: [tlsa(authority.issue(NAME)[0])]}, secure=["*"])
    expect_kept(relay, peer, "TLS is required")


def test_dane_lookup_fails(start, authority):
    """TLSA that cannot be looked up: bogus or broken, the host is not even connected to."""
    relay, peer = start("dane", authority.issue(NAME), secure=["*"], failing=[RECORD[0]])
    expect_kept(relay, peer, "TLSA")
    assert peer.sessions == []


def test_dane_only_other_usages(start, authority):
    """Records that mean nothing in SMTP: TLS is a must, the certificate any."""
    paths = authority.issue("mx.y.test")
    relay, peer = start("dane", paths, {RECORD: [tlsa(paths[0], usage=1)]}, secure=["*"])
    event = expect_delivered(relay, peer, "TLSv1")
    assert event["tls_policy"] == "required"


def test_dane_without_dnssec(start, authority):
    """What is not signed binds nobody: opportunistic as ever."""
    other = authority.issue(NAME)
    relay, peer = start("dane", authority.issue("mx.y.test"), {RECORD: [tlsa(other[0])]})
    event = expect_delivered(relay, peer, "TLSv1")
    assert event["tls_policy"] == "opportunistic"


def test_broken_tls_is_remembered(start, authority):
    """Optional TLS that breaks costs one connection, once: the host is known for a while."""
    relay, peer = start("opportunistic", authority.issue(NAME),
                        answers=lambda stage, *_: CLOSE if stage == "STARTTLS" else None,
                        config={"sites": [{"name": "default", "max_rate": "unlimited", "max_connections": 1,
                                           "messages_per_connection": 1}], "workers": 1})
    for number in range(1, 4):
        send(relay, "kim@x.test")
        relay.wait_events("delivered", number)
    asked = sum("STARTTLS" in session.lines for session in peer.sessions)
    assert asked == 1, f"{asked} times asked for TLS that does not work"
