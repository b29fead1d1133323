"""What comes back: late bounces, complaints, unsubscribes, and letters that are none of these."""
import re
import smtplib

import pytest
from mail import message, send
from patience import wait_until
from relay import free_port

DOMAIN = "bounces.sender.test"


@pytest.fixture
def desk(new_relay, new_peer):
    """A relay whose streams have a return path of their own, a receiver, and the operator's mailbox."""
    relay, peer, home = new_relay(), new_peer(), new_peer()
    relay.ports["returns"] = free_port()
    relay.config["listeners"].append({"name": "returns", "address": "127.0.0.1", "port": relay.ports["returns"],
                                      "returns": True, "stream": "transactional"})
    for name in ("transactional", "bulk"):
        relay.set_in("streams", name, return_path=DOMAIN)
    # What was just delivered to needs two refusals, a day apart: not here.
    relay.change(returns={"mailbox": "postmaster@sender.test"}, suppression={"strict_apart": "0s"})
    relay.route("gmail.test", peer.port)
    relay.route("sender.test", home.port)
    relay.start()
    return relay, peer, home


def give_back(relay, to, data, sender=""):
    """As a foreign server does it."""
    with smtplib.SMTP("127.0.0.1", relay.ports["returns"], timeout=30) as client:
        return client.sendmail(sender, [to], data)


def deliver(relay, peer, to, listener="bulk"):
    """Send one message and return what the receiver took."""
    before = len(peer.taken())
    send(relay, [to], message(to=to), listener=listener)
    return wait_until(lambda: peer.taken()[before:], 20, "the message")[0]


def bounce(recipient, reply, original=b""):
    """A notification as RFC 3464 has it."""
    return (f"From: MAILER-DAEMON@inner.test\r\nTo: <x@{DOMAIN}>\r\nSubject: Undelivered\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\r\n\r\n"
            "--b1\r\n\r\nSorry.\r\n--b1\r\nContent-Type: message/delivery-status\r\n\r\n"
            "Reporting-MTA: dns; inner.test\r\n\r\n"
            f"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.0.0\r\n"
            f"Diagnostic-Code: smtp; {reply}\r\n\r\n--b1\r\nContent-Type: text/rfc822-headers\r\n\r\n").encode() + \
        original + b"\r\n--b1--\r\n"


def suppressed(relay, address):
    return relay.cli_json("suppress", "list", address, expect=None)["suppressions"]


def test_late_bounce(desk):
    """A bounce after delivery suppresses as an immediate refusal does, and is in the journal; a listing does not."""
    relay, peer, home = desk
    taken = deliver(relay, peer, "gone@gmail.test")
    assert re.fullmatch(rf"b-[0-9a-z]+-gone=gmail\.test@{DOMAIN}", taken.sender), taken.sender
    give_back(relay, taken.sender, bounce("gone@gmail.test", "554 5.7.1 Client host [192.0.2.7] blocked using zen.spamhaus.org"))
    assert suppressed(relay, "gone@gmail.test") == []
    assert "192.0.2.7" in relay.stderr() and "came back" in relay.stderr()
    give_back(relay, taken.sender.upper(), bounce("gone@gmail.test", "550 5.1.1 no such user here"))
    assert suppressed(relay, "gone@gmail.test")[0]["cause"] == "bad-mailbox"
    rows = relay.cli_json("journal", "--kind", "late-bounce")["journal"]
    assert len(rows) == 2 and "no such user here" in rows[0]["evidence"] and rows[0]["subject"] == "gone@gmail.test"
    assert home.taken() == [], "nobody needs to read them"
    # one that does not speak of the recipient at all is found by its return path
    second = deliver(relay, peer, "away@gmail.test")
    give_back(relay, second.sender, b"From: MAILER-DAEMON@q.test\r\nSubject: failure notice\r\n\r\nHi. This is the program.\r\n"
              b"Remote host said: 550 5.1.1 unknown user\r\n")
    assert suppressed(relay, "away@gmail.test") != []


def test_each_recipient(desk):
    """Each recipient has a return path, too long ones are matched by what the report names."""
    relay, peer, _ = desk
    long = "a-person-with-a-very-long-name@gmail.test"
    send(relay, ["one@gmail.test", "two@gmail.test", long], message(), listener="bulk")
    taken = wait_until(lambda: len(peer.taken()) == 3 and peer.taken(), 20, "three transactions")
    assert len({item.sender for item in taken}) == 3
    path = next(item.sender for item in taken if item.recipients == [long])
    give_back(relay, path, bounce("one@gmail.test", "550 5.1.1 no such user"))
    assert suppressed(relay, "one@gmail.test") == [], "the path was not made for that one"
    give_back(relay, path, bounce(long.upper(), "550 5.1.1 no such user"))
    assert suppressed(relay, long) != []


def test_complaint(desk):
    """An abuse report is matched by the trace in our own header; bulk stops, a password reset goes."""
    relay, peer, _ = desk
    taken = deliver(relay, peer, "angry@gmail.test")
    header = taken.data.split(b"\r\n\r\n")[0]
    assert b"Mail-Trace: <b-" in header
    report = (b"From: fbl@gmail.test\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=q\r\n\r\n"
              b"--q\r\n\r\nspam\r\n--q\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
              b"User-Agent: x/1\r\nVersion: 1\r\n\r\n--q\r\nContent-Type: message/rfc822\r\n\r\n" + header + b"\r\n\r\nhi\r\n--q--\r\n")
    give_back(relay, f"fbl@{DOMAIN}", report, sender="fbl@gmail.test")
    assert suppressed(relay, "angry@gmail.test")[0]["cause"] == "complaint"
    deliver(relay, peer, "angry@gmail.test", listener="apps")


def test_unsubscribe(desk):
    """Bulk says where to write to, and whoever does gets no more of it."""
    relay, peer, home = desk
    taken = deliver(relay, peer, "tired@gmail.test")
    address = re.search(rb"List-Unsubscribe: <mailto:(\S+?)\?subject=unsubscribe>", taken.data).group(1).decode()
    assert b"List-Unsubscribe" not in deliver(relay, peer, "tired@gmail.test", listener="apps").data
    give_back(relay, address, b"From: tired@gmail.test\r\nSubject: unsubscribe\r\n\r\n\r\n", sender="tired@gmail.test")
    assert suppressed(relay, "tired@gmail.test")[0]["cause"] == "unsubscribe"
    send(relay, ["tired@gmail.test"], message(to="tired@gmail.test"), listener="bulk")
    relay.wait_events("suppressed", 1, recipient="tired@gmail.test")
    assert home.taken() == [] or all(item.recipients == ["app@sender.test"] for item in home.taken())


def test_others(desk):
    """Letters go to one mailbox, from nobody; other domains are not relayed; forgeries change nothing."""
    relay, peer, home = desk
    taken = deliver(relay, peer, "kim@gmail.test")
    give_back(relay, taken.sender, b"From: kim@gmail.test\r\nSubject: Re: your invoice\r\nX-Mesura-Stream: bulk\r\n\r\nThanks!\r\n",
              sender="kim@gmail.test")
    letter = wait_until(lambda: home.taken(), 20, "the letter")[0]
    assert letter.sender == "" and letter.recipients == ["postmaster@sender.test"] and b"Thanks!" in letter.data
    forged = taken.sender[:20] + ("0" if taken.sender[20] != "0" else "1") + taken.sender[21:]
    give_back(relay, forged, bounce("kim@gmail.test", "550 5.1.1 no such user"))
    wait_until(lambda: len(home.taken()) == 2, 20, "a report that is not provably ours")
    assert suppressed(relay, "kim@gmail.test") == []
    with smtplib.SMTP("127.0.0.1", relay.ports["returns"], timeout=30) as client:
        client.helo("x.test")
        client.mail("a@x.test")
        assert client.rcpt("kim@gmail.test")[0] == 550, "not an open relay"
        assert client.rcpt(taken.sender)[0] == 250
        assert client.rcpt(taken.sender)[0] == 550, "one at a time"
