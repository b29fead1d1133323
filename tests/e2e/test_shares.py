"""Streams and senders that meet at one receiver: nobody's flood keeps another waiting."""
from mail import Raw, message, send
from patience import wait_until
from test_users import Users, client

RATE = [{"name": "default", "max_rate": "20/s", "max_connections": 4}]


def flood(relay, count, subject, listener="apps"):
    with Raw(relay, listener, timeout=120) as smtp:
        smtp.greet()
        for number in range(count):
            smtp.envelope(f"kim{number % 7}@gmail.test")
            smtp.send(message(subject=f"{subject} {number}") + b".\r\n")
            assert smtp.reply().startswith("250")


def order(peer):
    """The first word of each subject, as they arrived."""
    return [taken.field("Subject")[0].split()[0] for taken in peer.taken()]


def others_before_last(peer, word, seen):
    """How many others arrived after `seen` messages and before the last of this word."""
    arrived = order(peer)[seen:]
    last = len(arrived) - 1 - arrived[::-1].index(word)
    return sum(one != word for one in arrived[:last])


def test_streams_on_one_source(new_relay, new_peer):
    """200 of bulk wait; five of the transactional stream on the same address go between them at once."""
    relay, peer = new_relay(), new_peer()
    relay.change(sites=RATE, sources=[{"name": "one", "address": "127.0.0.11", "helo": "one.relay.test", "shared": True}])
    for stream in ("transactional", "bulk"):
        relay.set_in("streams", stream, sources=["one"])
    relay.route("gmail.test", peer.port)
    relay.start()
    flood(relay, 200, "bulk", "bulk")
    wait_until(lambda: len(peer.taken()) >= 10, 30, "some of bulk")
    for number in range(5):
        send(relay, "kim@gmail.test", message(subject=f"urgent {number}"))
    seen = len(peer.taken())
    wait_until(lambda: order(peer).count("urgent") == 5, 30, "the five")
    assert others_before_last(peer, "urgent", seen) <= 12, order(peer)
    relay.wait_empty(60)
    assert order(peer).count("bulk") == 200


def test_senders_in_one_stream(new_relay, new_peer):
    """A campaign's 200 to several domains wait; another user's five go in turn with them."""
    relay, peer = new_relay(), new_peer()
    relay.change(sites=RATE, users=str(relay.folder / "users"))
    relay.set_in("listeners", "apps", auth="required", auth_without_tls=True)
    for number in range(7):
        relay.route(f"d{number}.test", peer.port)
    users = Users(relay)
    for name in ("campaign", "shop"):
        users.run("add", name, daemon=False)
    relay.start()
    with client(relay, "campaign") as smtp:
        for number in range(200):
            smtp.sendmail("a@example.com", f"kim@d{number % 7}.test", message(subject=f"campaign {number}"))
    wait_until(lambda: len(peer.taken()) >= 10, 30, "some of the campaign")
    with client(relay, "shop") as smtp:
        for number in range(5):
            smtp.sendmail("a@example.com", "kim@d0.test", message(subject=f"shop {number}"))
    seen = len(peer.taken())
    wait_until(lambda: order(peer).count("shop") == 5, 30, "the five")
    assert others_before_last(peer, "shop", seen) <= 20, order(peer)
    relay.wait_empty(60)
