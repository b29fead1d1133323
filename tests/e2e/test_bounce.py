"""What the sender learns: bounces and delay notices (RFC 3464)."""
import email
import email.policy

import pytest
from mail import message, send
from patience import stays_true, wait_until


@pytest.fixture
def desk(new_relay, new_peer):
    """A relay between a receiver with answers and the sender's own server."""

    def make(answers, **changes):
        relay, peer, home = new_relay(**changes), new_peer(answers), new_peer()
        relay.route("gmail.test", peer.port)
        relay.route("sender.test", home.port)
        return relay, peer, home

    return make


def refuse(stage, _, argument):
    """One recipient does not exist."""
    return "550 5.1.1 <nobody@gmail.test>: no such user here" if stage == "RCPT" and "nobody" in argument else None


def dsn_of(taken):
    """The parts of a delivery status notification, checked for their form."""
    assert taken.sender == "", "a null return path: nobody answers a bounce"
    parsed = email.message_from_bytes(taken.data, policy=email.policy.default)
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert parsed["Auto-Submitted"].startswith("auto-")
    assert parsed["Date"] and parsed["Message-ID"] and parsed["From"] and parsed["To"] and parsed["Subject"]
    human, status, original = parsed.get_payload()
    assert human.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    assert original.get_content_type() in ("message/rfc822", "text/rfc822-headers")
    per_message, *recipients = status.get_payload()
    assert per_message["Reporting-MTA"] == "dns; relay.test"
    return parsed, human.get_content(), recipients, original


def test_bounce(desk):
    """A 5xx comes back to the sender with the exact reply; the other recipient is delivered."""
    relay, peer, home = desk(refuse)
    relay.start()
    send(relay, ["kim@gmail.test", "nobody@gmail.test"], message(subject="the invoice"))
    taken = wait_until(home.taken, 30, "the notification")[0]
    assert taken.recipients == ["app@sender.test"]
    _, human, recipients, original = dsn_of(taken)
    assert len(recipients) == 1, "only the one that failed"
    assert recipients[0]["Final-Recipient"].replace(" ", "") == "rfc822;nobody@gmail.test"
    assert recipients[0]["Action"] == "failed" and recipients[0]["Status"] == "5.1.1"
    assert "550 5.1.1 <nobody@gmail.test>: no such user here" in recipients[0]["Diagnostic-Code"]
    assert "no such user" in human and "nobody@gmail.test" in human
    assert "the invoice" in str(original)
    assert wait_until(peer.taken, 10, "the other one")[0].recipients == ["kim@gmail.test"]
    relay.wait_empty()


def test_no_bounce_of_a_bounce(desk):
    """What came with a null return path ends in the log, and nowhere else."""
    relay, _, home = desk(refuse)
    relay.start()
    send(relay, "nobody@gmail.test", sender="")
    relay.wait_events("bounced")
    relay.wait_empty()
    stays_true(lambda: not home.taken() and not home.sessions, 1, "no notification")


def test_bounce_that_cannot_be_delivered(desk, new_peer):
    """A notification that is refused is dropped, counted, and does not come back."""
    relay, _, home = desk(refuse)
    home.answers = lambda stage, *_: "550 5.1.1 we do not know him" if stage == "RCPT" else None
    relay.start()
    send(relay, "nobody@gmail.test")
    wait_until(lambda: len(relay.events("bounced")) == 2, 30, "both ends")
    relay.wait_empty()
    assert home.taken() == []


def test_expiry(desk):
    """At the end of its lifetime a message comes back with the last reply."""
    relay, _, home = desk(lambda stage, *_: "451 4.3.0 the moon is wrong" if stage == "RCPT" else None)
    relay.set_in("streams", "transactional", lifetime="4s")
    relay.start()
    send(relay, "kim@gmail.test")
    taken = wait_until(home.taken, 40, "the notification")[0]
    _, human, recipients, _ = dsn_of(taken)
    assert recipients[0]["Action"] == "failed"
    assert recipients[0]["Status"].startswith(("4.", "5."))
    assert "the moon is wrong" in recipients[0]["Diagnostic-Code"] and "the moon is wrong" in human
    assert relay.wait_events("expired")[0]["recipient"] == "kim@gmail.test"
    relay.wait_empty()


def test_expiry_of_one_message(desk):
    """X-Mesura-Lifetime ends a message earlier than its stream."""
    relay, _, home = desk(lambda stage, *_: "451 4.3.0 later" if stage == "RCPT" else None)
    relay.start()
    send(relay, "kim@gmail.test", message(extra=b"X-Mesura-Lifetime: 3s\r\n"))
    wait_until(home.taken, 40, "the notification")
    assert relay.events("expired")


def test_expiry_while_frozen(desk):
    """A message that waits behind a freeze expires all the same: held is never an end."""
    relay, peer, home = desk(None)
    relay.set_in("streams", "bulk", lifetime="4s")
    relay.start()
    relay.cli("freeze", "stream", "bulk", "--why", "test")
    send(relay, "kim@gmail.test", listener="bulk")
    dsn_of(wait_until(home.taken, 40, "the notification")[0])
    assert peer.taken() == [] and relay.wait_events("expired")
    relay.wait_empty()


def test_delay_notice(desk):
    """After a while the sender learns that the message still waits; once."""
    relay, peer, home = desk(lambda stage, *_: "451 4.3.0 later" if stage == "RCPT" else None)
    relay.set_in("streams", "transactional", delay_notice="2s", lifetime="1h")
    relay.start()
    send(relay, "kim@gmail.test")
    _, human, recipients, _ = dsn_of(wait_until(home.taken, 40, "the notice")[0])
    assert recipients[0]["Action"] == "delayed" and recipients[0]["Status"].startswith("4.")
    assert recipients[0]["Will-Retry-Until"]
    assert "later" in human
    stays_true(lambda: len(home.taken()) == 1, 3, "one notice and no more")
    peer.answers = None
    wait_until(peer.taken, 30, "the delivery after all")
    relay.wait_empty()


def test_bounce_survives_a_kill(desk):
    """The notification is durable in the same step that ends the recipient."""
    relay, _, home = desk(refuse)
    home.answers = lambda stage, *_: "451 4.3.0 not yet" if stage == "MAIL" else None
    relay.start()
    send(relay, "nobody@gmail.test")
    relay.wait_events("bounced")
    relay.kill()
    home.answers = None
    relay.start()
    wait_until(home.taken, 40, "the notification")
    relay.wait_empty()
    assert len(home.taken()) == 1
