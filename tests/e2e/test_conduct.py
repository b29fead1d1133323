"""A user out of its ways is told, slowed or refused with the receiver's words; an announced campaign is not."""
import pytest
from mail import message
from patience import wait_until
from test_users import Users, client, refusal


@pytest.fixture
def erp(new_relay, new_peer):
    relay, peer = new_relay(), new_peer(answers=spam)
    relay.route("gmail.test", peer.port)
    relay.change(users=str(relay.folder / "users"), delivery={"enabled": True})
    relay.set_in("listeners", "apps", auth="required", auth_without_tls=True)
    relay.start()
    users = Users(relay)
    users.peer = peer
    users.run("add", "erp")
    return users


def spam(stage, session, argument):
    if stage == "DOT" and b"spam" in argument.data:
        return "550 5.7.1 Message content rejected as spam"
    return None


def burst(relay, count):
    with client(relay) as smtp:
        for start in range(0, count, 100):
            assert refusal(smtp, to=[f"r{start + i}@gmail.test" for i in range(min(100, count - start))]) is None


def test_volume_is_told_and_slowed(erp):
    """More than 500 an hour: accepted, said in journal and status, and not all at once; never silently."""
    relay = erp.relay
    burst(relay, 600)
    told = wait_until(lambda: relay.get("/v1/journal?kind=conduct")["journal"], 20, "an entry")
    assert told[0]["subject"] == "user erp" and told[0]["after"] == "slowed to 500 an hour"
    assert "600 recipients this hour" in told[0]["evidence"] or "recipients this hour" in told[0]["evidence"]
    assert relay.get("/v1/users")["users"][0]["state"] == "slowed"
    assert relay.wait_events("alert")
    burst(relay, 300)
    wait_until(lambda: relay.status()["active"] == 0 and relay.status()["queued"] > 0, 30, "mail that waits")
    assert relay.status()["held"] == 0


def test_an_announced_campaign_is_not_slowed(erp):
    """The same volume with `mesura user expect` before it goes out as it comes."""
    relay = erp.relay
    assert "are expected" in relay.cli("user", "expect", "erp", "--volume", "1000", "--until", "2h")
    relay.cli("user", "expect", "nobody", "--volume", "1000", "--until", "2h", expect=1)
    relay.cli("user", "expect", "erp", "--volume", "1000", "--until", "yesterday", expect=2)
    burst(relay, 900)
    relay.wait_empty()
    assert relay.get("/v1/users")["users"][0]["state"] == "active"


def test_retry_storm(erp):
    """What a receiver refused twice for its content is refused the third time, with the receiver's words."""
    relay = erp.relay
    data = message(subject="offer", body=b"spam spam\r\n")
    with client(relay) as smtp:
        for count in (1, 2):
            assert refusal(smtp, data=data) is None
            relay.wait_events("bounced", count, recipient="kim@gmail.test")
        code, words = refusal(smtp, data=data)
        assert code == 550 and words.startswith("5.7.1") and "rejected as spam" in words, words
        assert refusal(smtp, data=message(subject="offer", body=b"another\r\n")) is None
        assert refusal(smtp, to="lee@gmail.test", data=data) is None
