"""Who is at the door: behind a proxy, with a certificate, on a socket of systemd's, at a port that is being emptied."""
import contextlib
import hashlib
import json
import smtplib
import socket
import ssl
import struct
import sys

import pytest
from certs import Authority, openssl
from mail import Raw, message
from patience import wait_until
from relay import free_port
from test_users import Users

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def proxied(source):
    """A PROXY header of version 2 for this IPv4 client."""
    return (SIGNATURE + b"\x21\x11" + struct.pack("!H", 12) + socket.inet_aton(source) + socket.inet_aton("192.0.2.1") +
            struct.pack("!HH", 51234, 25))


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def taken(relay):
    return relay.events("accepted")


def test_proxy(new_relay):
    """The client that a named proxy speaks for is the client: for trust, for its connections, in the log."""
    relay = new_relay(delivery={"enabled": False})
    relay.set_in("listeners", "apps", trust=["192.0.2.0/24"], proxy_from=["127.0.0.0/8"], max_connections_per_address=2)
    relay.start()
    for number, header in enumerate((b"PROXY TCP4 192.0.2.7 192.0.2.1 51234 25\r\n", proxied("192.0.2.8"))):
        with Raw(relay) as raw:
            raw.send(header[:9])
            raw.send(header[9:] + b"EHLO a.test\r\n")
            assert raw.reply().startswith("220") and raw.reply().startswith("250")
            raw.envelope("kim@gmail.test")
            assert raw.ask(message() + b".\r\n").startswith("250")
        wait_until(lambda count=number: len(taken(relay)) == count + 1, 10, "the event")
    assert [event["client_ip"] for event in taken(relay)] == ["192.0.2.7", "192.0.2.8"]
    with Raw(relay) as raw:
        raw.send("PROXY TCP4 198.51.100.9 192.0.2.1 51234 25\r\n")
        raw.greet()
        assert raw.ask("MAIL FROM:<a@b.test>").startswith("550 5.7.1 relaying denied: 198.51.100.9")
    opened = [Raw(relay) for _ in range(3)]
    for raw in opened:
        raw.send("PROXY TCP4 203.0.113.9 192.0.2.1 51234 25\r\n")
    assert sorted(raw.reply()[:3] for raw in opened) == ["220", "220", "421"]
    for raw in opened:
        raw.close()
    for words in (b"EHLO a.test\r\n", b"PROXY TCP4 192.0.2.7\r\n", SIGNATURE + b"\x21\x11\xff\xff"):
        with Raw(relay) as raw:
            raw.send(words)
            assert raw.is_cut() and raw.buffer == b""


def test_a_stranger_names_nobody(new_relay):
    """A PROXY header of one who is no proxy is an unknown command, and changes nothing."""
    relay = new_relay(delivery={"enabled": False})
    relay.set_in("listeners", "apps", trust=["192.0.2.0/24"], proxy_from=["127.0.0.9"])
    relay.start()
    with Raw(relay) as raw:
        raw.send("PROXY TCP4 192.0.2.7 192.0.2.1 51234 25\r\n")
        assert raw.reply().startswith("220")
        assert raw.reply().startswith("500")
        assert raw.ask("EHLO a.test").startswith("250")
        assert raw.ask("MAIL FROM:<a@b.test>").startswith("550 5.7.1 relaying denied: 127.0.0.1")


def with_tls(relay, authority, **listener):
    """A second listener under TLS; the trust of its clients."""
    certificate, key = authority.issue("relay.test")
    key.chmod(0o600)
    relay.ports["tls"] = free_port()
    relay.config["listeners"].append({"name": "tls", "address": "127.0.0.1", "port": relay.ports["tls"],
                                      "stream": "transactional", **listener})
    relay.change(tls={"certificate": str(certificate), "key": str(key)}, users=str(relay.folder / "users"),
                 delivery={"enabled": False})
    return ssl.create_default_context(cafile=str(authority.root))


def test_proxy_before_tls(new_relay, authority):
    """Header and ClientHello may come in one piece; the session is the named client's."""
    relay = new_relay()
    trust = with_tls(relay, authority, tls="implicit", trust=["192.0.2.0/24"], proxy_from=["127.0.0.0/8"])
    relay.start()
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.wrap_bio(ours, theirs, server_hostname="relay.test")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    raw = socket.create_connection(("127.0.0.1", relay.ports["tls"]), 30)
    raw.sendall(proxied("192.0.2.7") + theirs.read())
    heard = b""
    while not heard.endswith(b"\n"):
        try:
            heard += tls.read()
        except ssl.SSLWantReadError:
            raw.sendall(theirs.read())
            ours.write(raw.recv(65536))
    assert heard.startswith(b"220")
    raw.close()


def test_names(new_relay, authority):
    """Each name has its certificate; who asks for none, or for another, sees the usual one; a reload renews."""
    relay = new_relay()
    trust = with_tls(relay, authority, tls="implicit", trust=["127.0.0.0/8"])
    entries = []
    for names in (["mail.a.test"], ["*.b.test", "b.test"]):
        certificate, key = authority.issue(*names)
        key.chmod(0o600)
        entries.append({"names": names, "certificate": str(certificate), "key": str(key)})
    relay.change(certificates=entries)
    relay.start()

    def shown(name):
        trust.check_hostname = False
        with socket.create_connection(("127.0.0.1", relay.ports["tls"]), 30) as raw, \
                trust.wrap_socket(raw, server_hostname=name) as tls:
            return tls.getpeercert()["subjectAltName"][0][1]

    assert [shown(name) for name in ("mail.a.test", "x.b.test", "b.test", "x.y.b.test", "other.test", None)] == [
        "mail.a.test", "*.b.test", "*.b.test", "relay.test", "relay.test", "relay.test"]


def test_client_certificate(new_relay, authority, tmp_path):
    """A certificate that a user has is that user's login; another, an old one, or none is not. Taking it away ends it."""
    relay = new_relay()
    with_tls(relay, authority, tls="starttls", auth="required", client_certificates=True)
    mine, other = authority.issue("erp.test"), authority.issue("other.test")
    old = authority.issue("old.test", start="20200101000000Z", end="20200201000000Z")
    relay.start()
    prints = [hashlib.sha256(openssl("x509", "-in", path[0], "-outform", "DER")).hexdigest() for path in (mine, old)]
    users = Users(relay)
    users.run("add", "erp", "--no-password", "--certificate", ",".join(prints), "--from", "erp.test")

    def session(pair):
        context = ssl.create_default_context(cafile=str(authority.root))
        if pair:
            context.load_cert_chain(*pair)
        smtp = smtplib.SMTP("127.0.0.1", relay.ports["tls"], "client.test", timeout=60)
        smtp._host = "relay.test"
        smtp.starttls(context=context)
        smtp.ehlo()
        return smtp

    for pair in (None, other, old):
        with session(pair) as smtp:
            assert smtp.mail("a@erp.test")[0] == 530
    with session(mine) as smtp:
        assert smtp.mail("a@evil.test") == (550, b"5.7.1 user erp may not send as <a@evil.test>")
        assert smtp.mail("a@erp.test")[0] == 250
        smtp.rset()
        smtp.sendmail("a@erp.test", ["kim@gmail.test"], message(sender="a@erp.test"))
        assert wait_until(lambda: taken(relay), 10, "the event")[0]["user"] == "erp"
        users.run("set", "erp", "--certificate", hashlib.sha256(b"another").hexdigest())
        with contextlib.suppress(smtplib.SMTPServerDisconnected):
            assert smtp.mail("a@erp.test")[0] == 421
    with session(mine) as smtp:
        assert smtp.mail("a@erp.test")[0] == 530


def test_passed_sockets(new_relay):
    """systemd's sockets are taken by address; what is no listener's ends the start with its name."""
    relay = new_relay(delivery={"enabled": False})
    other = free_port()
    script = ("import json,os,socket,sys\n"
              "for i, port in enumerate(json.loads(sys.argv[1])):\n"
              "    s = socket.create_server(('127.0.0.1', port))\n"
              "    os.dup2(s.fileno(), 3 + i) if s.fileno() != 3 + i else os.set_inheritable(3 + i, True)\n"
              "    s.detach()\n"
              "os.environ['LISTEN_PID'], os.environ['LISTEN_FDS'] = str(os.getpid()), str(i + 1)\n"
              "os.execv(sys.argv[2], sys.argv[2:])\n")
    relay.wrapper = [sys.executable, "-c", script, json.dumps([relay.ports["apps"]])]
    relay.start()
    assert f"127.0.0.1:{relay.ports['apps']}, from the service manager" in relay.stderr()
    for _ in range(8):  # by whichever worker
        with Raw(relay) as raw:
            raw.greet()
            raw.envelope("kim@gmail.test")
            assert raw.ask(message() + b".\r\n").startswith("250")
    relay.stop()
    relay.wrapper[-1] = json.dumps([relay.ports["apps"], other])
    with pytest.raises(AssertionError, match=f"127.0.0.1:{other} is no listener's"):
        relay.start()
    relay.process = None


def test_draining_under_tls(new_relay, authority):
    """A port of implicit TLS says that it takes no mail under TLS, as everything it says."""
    relay = new_relay()
    trust = with_tls(relay, authority, tls="implicit", trust=["127.0.0.0/8"])
    relay.start()
    with Raw(relay) as held:  # a session, so that the drained relay does not end
        held.greet()
        relay.cli("drain")

        def greeting():
            with socket.create_connection(("127.0.0.1", relay.ports["tls"]), 30) as raw, \
                    trust.wrap_socket(raw, server_hostname="relay.test") as tls:
                return tls.recv(1000)

        wait_until(lambda: greeting().startswith(b"421 4.3.2"), 10, "the refusal")
