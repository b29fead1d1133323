"""The client libraries that applications are written with, each by every way in: plain, STARTTLS, implicit TLS,
AUTH PLAIN and LOGIN, a wrong password, too large a message, 8-bit, names in UTF-8, DSN options, pipelined, chunked.

A client that has no such option is not asked for it; what each can do is in ABLE.
"""
import os
import pathlib
import shutil
import smtplib
import ssl
import subprocess

import pytest
from certs import Authority
from mail import message
from patience import wait_until
from relay import free_port
from test_users import PASSWORD, Users

HERE = pathlib.Path(__file__).resolve().parent / "clients"
WAYS = ("plain", "starttls", "implicit")
NEEDS = {"swaks": "swaks", "curl": "curl", "msmtp": "msmtp", "perl": "perl", "php": "php", "java": "javac", "node": "node"}
ABLE = {  # beyond plain mail and wrong passwords
    "smtplib": {*WAYS, "PLAIN", "LOGIN", "large", "8bit", "utf8", "dsn"},
    "swaks": {*WAYS, "PLAIN", "LOGIN", "large", "8bit", "pipelined"},
    "curl": {*WAYS, "PLAIN", "LOGIN", "large", "8bit"},
    "msmtp": {*WAYS, "PLAIN", "LOGIN", "large", "8bit", "dsn"},
    "perl": {*WAYS, "PLAIN", "large", "8bit", "dsn"},
    "php": {*WAYS, "PLAIN", "LOGIN", "large", "8bit", "dsn"},
    "java": {*WAYS, "PLAIN", "LOGIN", "large", "8bit", "utf8", "dsn", "chunked"},
    "node": {*WAYS, "PLAIN", "LOGIN", "large", "8bit", "utf8", "dsn"},
}


class Mail:
    """One attempt of a client: where, by which way, as whom, what."""

    def __init__(self, rig, way="plain", auth="PLAIN", password=PASSWORD, **more):
        self.rig = rig
        self.way = way
        self.auth = auth
        self.password = password
        self.to = more.get("to", "kim@gmail.test")
        self.data = more.get("data", message(subject="from a client", sender="erp@sender.test"))
        self.dsn = more.get("dsn", False)
        self.chunked = more.get("chunked", False)
        self.pipelined = more.get("pipelined", False)

    @property
    def port(self):
        return self.rig.ports[self.way]

    def environment(self, folder):
        path = folder / "mail.eml"
        path.write_bytes(self.data)
        return {**os.environ, "MAIL_FILE": str(path), "MAIL_PORT": str(self.port), "MAIL_WAY": self.way,
                "MAIL_AUTH": self.auth, "MAIL_USER": "erp", "MAIL_PASSWORD": self.password, "MAIL_TO": self.to,
                "MAIL_DSN": "1" if self.dsn else "", "MAIL_CHUNKED": "1" if self.chunked else "",
                "MAIL_ROOT": str(self.rig.authority.root), "SSL_CERT_FILE": str(self.rig.authority.root)}


def run(words, mail, folder, data=None):
    """Status 0 when the client says that its mail was taken; and what it said."""
    done = subprocess.run([str(word) for word in words], env=mail.environment(folder), input=data, capture_output=True,
                          timeout=120, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")


def by_smtplib(mail, folder):
    trust = ssl.create_default_context(cafile=str(mail.rig.authority.root))
    try:
        if mail.way == "implicit":
            client = smtplib.SMTP_SSL("localhost", mail.port, "client.test", context=trust, timeout=60)
        else:
            client = smtplib.SMTP("localhost", mail.port, "client.test", timeout=60)
        with client:
            if mail.way == "starttls":
                client.starttls(context=trust)
            client.ehlo()
            client.user, client.password = "erp", mail.password
            client.auth(mail.auth, getattr(client, f"auth_{mail.auth.lower()}"))
            options = ["RET=HDRS", "ENVID=e1"] if mail.dsn else []
            if not mail.to.isascii():
                options.append("SMTPUTF8")
            client.command_encoding = "utf-8"
            client.sendmail("erp@sender.test", [mail.to], mail.data, [*options, "BODY=8BITMIME"],
                            ["NOTIFY=SUCCESS,DELAY"] if mail.dsn else [])
    except smtplib.SMTPException as why:
        return False, str(why)
    assert folder.exists()
    return True, ""


def by_swaks(mail, folder):
    words = ["swaks", "--server", "localhost", "--port", mail.port, "--from", "erp@sender.test", "--to", mail.to,
             "--auth", mail.auth, "--auth-user", "erp", "--auth-password", mail.password, "--data", f"@{folder}/mail.eml"]
    words += {"plain": [], "starttls": ["--tls", "--tls-verify", "--tls-ca-path", mail.rig.authority.root],
              "implicit": ["--tlsc", "--tls-verify", "--tls-ca-path", mail.rig.authority.root]}[mail.way]
    return run(words + (["--pipeline"] if mail.pipelined else []), mail, folder)


def by_curl(mail, folder):
    scheme = "smtps" if mail.way == "implicit" else "smtp"
    words = ["curl", "-sS", f"{scheme}://localhost:{mail.port}/client.test", "--mail-from", "erp@sender.test",
             "--mail-rcpt", mail.to, "-T", folder / "mail.eml", "--user", f"erp:{mail.password}", "--login-options",
             f"AUTH={mail.auth}", "--cacert", mail.rig.authority.root]
    return run(words + (["--ssl-reqd"] if mail.way == "starttls" else []), mail, folder)


def by_msmtp(mail, folder):
    words = ["msmtp", "--host=localhost", f"--port={mail.port}", "--from=erp@sender.test", f"--auth={mail.auth.lower()}",
             "--user=erp", f"--passwordeval=printf %s '{mail.password}'"]
    words += ["--tls=off"] if mail.way == "plain" else [
        "--tls=on", f"--tls-trust-file={mail.rig.authority.root}",
        f"--tls-starttls={'on' if mail.way == 'starttls' else 'off'}"]
    words += ["--dsn-notify=success,delay", "--dsn-return=headers"] if mail.dsn else []
    return run([*words, mail.to], mail, folder, mail.data)


def by_perl(mail, folder):
    return run(["perl", HERE / "mail.pl"], mail, folder)


def by_php(mail, folder):
    return run(["php", HERE / "mail.php"], mail, folder)


def by_java(mail, folder):
    return run(["java", "-cp", f"{mail.rig.classes}:/usr/share/java/javax.mail.jar:/usr/share/java/javax.activation.jar",
                "SendMail"], mail, folder)


def by_node(mail, folder):
    return run(["node", HERE / "mail.js"], mail, folder)


CLIENTS = {name.removeprefix("by_"): made for name, made in list(globals().items()) if name.startswith("by_")}


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """A relay with three listeners that want a login, and its receiver."""
    from peer import Peer
    from relay import Relay
    folder = tmp_path_factory.mktemp("clients")
    relay, peer = Relay(), Peer(keywords=("PIPELINING", "SIZE 100000000", "8BITMIME", "SMTPUTF8", "DSN",
                                          "ENHANCEDSTATUSCODES"))
    authority = Authority(folder)
    certificate, key = authority.issue("localhost")
    key.chmod(0o600)
    relay.config["listeners"] = []
    for way, tls in (("plain", "none"), ("starttls", "starttls"), ("implicit", "implicit")):
        relay.ports[way] = free_port()
        relay.config["listeners"].append({"name": way, "address": "127.0.0.1", "port": relay.ports[way], "tls": tls,
                                          "auth": "required", "auth_without_tls": way == "plain", "max_message": "1M"})
    relay.route("gmail.test", peer.port)
    relay.change(users=str(relay.folder / "users"), tls={"certificate": str(certificate), "key": str(key)})
    relay.authority, relay.peer, relay.classes = authority, peer, folder
    try:
        relay.start()
        Users(relay).run("add", "erp")
        if shutil.which("javac"):
            subprocess.run(["javac", "-cp", "/usr/share/java/javax.mail.jar", "-d", folder, HERE / "SendMail.java"],
                           check=True, timeout=120)
        yield relay
        relay.stop()
    finally:
        relay.clean(failed=False)
        peer.close()


def each(*abilities):
    return pytest.mark.parametrize("name", [name for name, able in ABLE.items() if able.issuperset(abilities)])


def deliver(rig, mail, name, folder):
    assert name not in NEEDS or shutil.which(NEEDS[name]), f"{NEEDS[name]} is not installed: tools/install test"
    before = len(rig.peer.taken())
    mail.environment(folder)
    good, words = CLIENTS[name](mail, folder)
    assert good, words
    wait_until(lambda: len(rig.peer.taken()) == before + 1, 30, "the delivery")
    return rig.peer.taken()[-1]


@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ABLE)
def test_ways(rig, tmp_path, name, way, auth):
    """Each client by each way in, with each login it knows."""
    if auth not in ABLE[name]:
        auth = "PLAIN"
    taken = deliver(rig, Mail(rig, way, auth), name, tmp_path)
    assert taken.recipients == ["kim@gmail.test"] and taken.field("Subject") == ["from a client"]
    assert taken.body.rstrip(b"\r\n") == b"Hello."  # some add an empty line
    received = taken.field("Received")[0]
    assert ("with ESMTPSA" if way != "plain" else "with ESMTPA") in received, received


@pytest.mark.parametrize("name", ABLE)
def test_wrong_password(rig, tmp_path, name):
    """Said to the application as what it is; nothing is taken."""
    before = len(rig.events("accepted"))
    mail = Mail(rig, password="wrong")
    mail.environment(tmp_path)
    good, words = CLIENTS[name](mail, tmp_path)
    assert not good and ("535" in words or "auth" in words.lower() or "denied" in words.lower()), words
    assert len(rig.events("accepted")) == before


@each("large")
def test_too_large(rig, tmp_path, name):
    """552, before or behind the content."""
    before = len(rig.events("accepted"))
    mail = Mail(rig, data=message(body=b"x" * 70 + b"\r\n" + b"0123456789" * 7 + b"\r\n" * 2 + (b"y" * 70 + b"\r\n") * 20000))
    mail.environment(tmp_path)
    good, words = CLIENTS[name](mail, tmp_path)
    assert not good, words
    assert len(rig.events("accepted")) == before


@each("8bit")
def test_8bit(rig, tmp_path, name):
    """Bytes above 127 arrive as they were."""
    body = "Grüße, 東京\r\n".encode()
    extra = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    taken = deliver(rig, Mail(rig, data=message(body=body, extra=extra, sender="erp@sender.test")), name, tmp_path)
    assert taken.body.rstrip(b"\r\n") == body.rstrip(b"\r\n")


@each("utf8")
def test_utf8_address(rig, tmp_path, name):
    """A recipient's name beyond ASCII (SMTPUTF8)."""
    taken = deliver(rig, Mail(rig, to="jürgen@gmail.test"), name, tmp_path)
    assert taken.recipients == ["jürgen@gmail.test"] and "SMTPUTF8" in taken.mail_line


@each("dsn")
def test_dsn(rig, tmp_path, name):
    """What the application wishes to hear is relayed byte for byte."""
    seen = []
    rig.peer.answers = lambda stage, session, argument: seen.append(argument) if stage == "RCPT" else None
    try:
        deliver(rig, Mail(rig, dsn=True), name, tmp_path)
    finally:
        rig.peer.answers = None
    assert "NOTIFY=" in seen[0].upper() and "DELAY" in seen[0].upper(), seen


@each("pipelined")
def test_pipelined(rig, tmp_path, name):
    """Commands sent without waiting."""
    deliver(rig, Mail(rig, pipelined=True), name, tmp_path)


@each("chunked")
def test_chunked(rig, tmp_path, name):
    """BDAT in pieces."""
    body = b"".join(b"%07d\r\n" % i for i in range(20000))
    taken = deliver(rig, Mail(rig, data=message(body=body, sender="erp@sender.test"), chunked=True), name, tmp_path)
    assert taken.body == body
