"""A disk that is full: 452, nothing lost, and everything again when there is room."""
import pathlib
import smtplib

import pytest
from mail import SENDER, message
from patience import wait_until

SCRIPT = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'


@pytest.fixture
def small_disk(new_relay, new_peer):
    """A relay whose spool is a small disk of its own, in a mount namespace of its own."""
    relay, peer = new_relay(queue={"low_space": "4M", "reserve": "2M"}), new_peer()
    spool = pathlib.Path(relay.config["spool"])
    spool.mkdir()
    relay.wrapper = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh", "64m", str(spool)]
    relay.route("gmail.test", peer.port)
    return relay, peer


def inside(relay):
    """The spool as the daemon sees it."""
    return pathlib.Path(f"/proc/{relay.process.pid}/root") / relay.config["spool"].lstrip("/")


def try_to_send(relay, subject, body=b"x\r\n"):
    """The code of the answer to one submission."""
    try:
        with smtplib.SMTP("127.0.0.1", relay.ports["apps"], "client.test", timeout=60) as client:
            client.sendmail(SENDER, ["kim@gmail.test"], message(subject=subject, body=body))
            return 250
    except smtplib.SMTPResponseException as refusal:
        return refusal.smtp_code
    except smtplib.SMTPRecipientsRefused as refusal:
        return next(iter(refusal.recipients.values()))[0]


def test_full_and_free_again(small_disk):
    """Mail is refused with 452 while there is no room, and taken again when there is."""
    relay, peer = small_disk
    relay.start()
    assert try_to_send(relay, "before") == 250
    filler = inside(relay) / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(b"f" * 65536)
        except OSError:
            pass
    wait_until(lambda: relay.status()["refusing"], 10, "the full disk to be noticed")
    codes = [try_to_send(relay, f"full {number}", b"y" * 900 + b"\r\n") for number in range(5)]
    assert 452 in codes and set(codes) <= {250, 452}, codes
    assert relay.status()["refusing"]
    filler.unlink()
    wait_until(lambda: try_to_send(relay, "after") == 250, 30, "room to be noticed")
    wait_until(lambda: any(m.field("Subject") == ["after"] for m in peer.taken()), 30, "delivery")
    relay.wait_empty()
    assert len({m.field("Subject")[0] for m in peer.taken()}) == 2 + codes.count(250)


def test_filled_by_mail(small_disk):
    """The disk is filled by mail itself: what was acknowledged is delivered, the rest refused."""
    relay, peer = small_disk
    peer.answers = lambda stage, *_: "451 4.3.0 not yet" if stage == "MAIL" else None
    relay.start()
    acknowledged = []
    body = (b"z" * 998 + b"\r\n") * 2000
    for number in range(60):
        code = try_to_send(relay, f"m{number}", body)
        assert code in (250, 452), code
        if code == 250:
            acknowledged.append(f"m{number}")
    assert 5 <= len(acknowledged) < 60, "it fits some and not all"
    peer.answers = None
    relay.cli("queue", "retry", "--all")
    relay.wait_empty(120)
    # The peer says 250 before it notes the message.
    wait_until(lambda: len(peer.taken()) >= len(acknowledged), 20, "the peer's own list")
    assert sorted(m.field("Subject")[0] for m in peer.taken()) == sorted(acknowledged)
    wait_until(lambda: try_to_send(relay, "again") == 250, 60, "the space to come back")
