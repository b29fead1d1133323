"""A smart host that wants a login: passwords and tokens over verified TLS only, and never in a log."""
import base64

import pytest
from certs import Authority, context
from mail import send
from patience import wait_until

PASSWORD = "s3cret-Pa55word"


@pytest.fixture
def host(new_relay, new_peer, tmp_path):
    """A relay whose mail goes to one host, with a login; what the host answers to AUTH is the test's."""
    authority = Authority(tmp_path)

    def make(words="PLAIN LOGIN XOAUTH2", answers=None, names=("hub.test", "127.0.0.1"), **route):
        peer = new_peer(answers or (lambda stage, *_: "235 2.7.0 welcome" if stage == "AUTH" else None),
                        keywords=("PIPELINING", "8BITMIME", f"AUTH {words}"), tls=context(authority.issue(*names)))
        relay = new_relay(delivery={"trust": str(authority.root), "timeouts": {"idle": "1s"}})
        for name in ("password", "token"):
            file = relay.folder / name
            file.write_text(PASSWORD + "\n")
            file.chmod(0o600)
        relay.route("*", peer.port, tls="verify", user="me@tenant.test", **{
            key: str(relay.folder / value) if key.endswith("_file") else value for key, value in route.items()})
        relay.config["routes"][-1]["tls"] = "verify"
        return relay.start(), peer

    return make


def logins(peer):
    return [line for session in peer.sessions for line in session.lines if line.upper().startswith("AUTH")]


def decoded(line):
    return base64.b64decode(line.split()[2]).decode()


def secret_is_safe(relay, *secrets):
    everything = relay.stderr() + relay.mail_log() + str(relay.events())
    for secret in secrets:
        assert secret not in everything and base64.b64encode(secret.encode()).decode() not in everything


def test_xoauth2(host):
    """The token goes as Google and Microsoft want it; another in the file is used by the next connection."""
    relay, peer = host(auth="xoauth2", token_file="token")
    send(relay, ["kim@gmail.test"])
    wait_until(lambda: len(peer.taken()) == 1, 20, "the first")
    assert decoded(logins(peer)[0]) == f"user=me@tenant.test\x01auth=Bearer {PASSWORD}\x01\x01"
    assert logins(peer)[0].split()[1].upper() == "XOAUTH2"
    (relay.folder / "token").write_text("another-token\n")
    wait_until(lambda: not peer.open, 20, "the idle connection's end")
    send(relay, ["kim@gmail.test"])
    wait_until(lambda: len(peer.taken()) == 2, 20, "the second")
    assert decoded(logins(peer)[-1]) == "user=me@tenant.test\x01auth=Bearer another-token\x01\x01"
    secret_is_safe(relay, PASSWORD, "another-token")


def test_password(host):
    """PLAIN where it is offered."""
    relay, peer = host(auth="plain", password_file="password")
    send(relay, ["kim@gmail.test"])
    wait_until(peer.taken, 20, "the message")
    assert decoded(logins(peer)[0]) == f"\0me@tenant.test\0{PASSWORD}"
    assert all(item.session.tls for item in peer.taken())
    secret_is_safe(relay, PASSWORD)


def test_refused_login(host):
    """A refused login bounces nothing: the mail waits, the words are there, and it goes once the login is right."""
    right = []
    relay, peer = host(answers=lambda stage, *_: None if stage != "AUTH" else "235 2.7.0 welcome" if right
                       else "535 5.7.8 not with this password", auth="plain", password_file="password")
    send(relay, ["kim@gmail.test"])
    event = relay.wait_events("deferred", recipient="kim@gmail.test")[0]
    assert event["reply"] == "535 5.7.8 not with this password" and event["stage"] == "auth"
    assert not relay.events("bounced") and relay.status()["queued"] == 1
    right.append(True)
    relay.cli("queue", "retry", "--all")
    wait_until(peer.taken, 30, "the message")
    secret_is_safe(relay, PASSWORD)


def test_another_name(host):
    """A certificate of another name gets neither the password nor the message, though its root is trusted."""
    relay, peer = host(auth="plain", password_file="password", names=("other.test",))
    send(relay, ["kim@gmail.test"])
    event = relay.wait_events("deferred", recipient="kim@gmail.test")[0]
    assert event["stage"] == "starttls", event
    assert not logins(peer) and not peer.taken()
    assert relay.status()["queued"] == 1
