"""Users: what each may do, changes without a restart, and what a failed login leaves behind."""
import base64
import re
import smtplib
import subprocess

import pytest
from mail import Raw, message
from patience import wait_until
from relay import MESURA

PASSWORD = "correct horse"
# docs/submission.md gives this line to fail2ban; <HOST> there is the address here.
FAIL2BAN = re.compile(r"warning: \S+\[(?P<host>[0-9a-fA-F.:]+)\]: SASL (?:PLAIN|LOGIN|TOKEN) authentication failed")


class Users:
    """`mesura user` on a relay's own file."""

    def __init__(self, relay):
        self.relay = relay

    def run(self, *words, password=PASSWORD, expect=0, daemon=True):
        socket = self.relay.config["control"] if daemon else "/nonexistent/socket"
        done = subprocess.run([str(MESURA), "user", *words, "--socket", socket, "--users", self.relay.config["users"]],
                              input=password + "\n", capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == expect, f"{words}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def users(new_relay, new_peer):
    """A relay whose first listener wants a login, and a receiver for gmail.test."""
    relay, peer = new_relay(), new_peer()
    relay.route("gmail.test", peer.port)
    relay.change(users=str(relay.folder / "users"))
    relay.set_in("listeners", "apps", auth="required", auth_without_tls=True)
    table = Users(relay)
    table.peer = peer
    return table


def client(relay, user="erp", password=PASSWORD):
    smtp = smtplib.SMTP("127.0.0.1", relay.ports["apps"], "client.test", timeout=60)
    smtp.login(user, password)
    return smtp


def refusal(smtp, sender="a@example.com", to="kim@gmail.test", data=None):
    """The code and words of the refusal; None when the message was taken."""
    recipients = [to] if isinstance(to, str) else to
    try:
        smtp.sendmail(sender, recipients, data or message(sender=sender))
    except smtplib.SMTPResponseException as why:
        return why.smtp_code, why.smtp_error.decode()
    except smtplib.SMTPRecipientsRefused as why:
        return next(iter(why.recipients.values()))
    return None


def test_users_change_without_a_restart(users):
    """Added, changed, disabled, enabled and removed while the daemon runs; made before it runs, too."""
    assert "when one starts" in users.run("add", "early", daemon=False)
    relay = users.relay.start()
    assert oct((relay.folder / "users").stat().st_mode & 0o777) == "0o600"
    with client(relay, "early"):
        pass
    with pytest.raises(smtplib.SMTPAuthenticationError):
        client(relay)
    users.run("add", "erp", "--from", "example.com", "--per-hour", "100")
    assert "is there" in users.run("add", "erp", expect=1)
    with client(relay) as smtp:
        assert refusal(smtp) is None
        users.run("disable", "erp")
        # The session ends by itself, before anything is asked.
        assert smtp.file.readline().startswith(b"421 4.7.0")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        client(relay)  # also though the login was remembered
    users.run("enable", "erp")
    with client(relay):
        pass
    users.run("passwd", "erp", password="another password")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        client(relay)
    with client(relay, password="another password"):
        pass
    listed = relay.cli_json("user", "list", "--users", relay.config["users"])["users"]
    assert [(row["name"], row["from"], row["per_hour"]) for row in listed] == \
        [("early", [], 0), ("erp", ["example.com"], 100)]
    assert "argon2" not in relay.cli("user", "list", "--users", relay.config["users"])
    users.run("del", "erp")
    assert [row["name"] for row in relay.get("/v1/users")["users"]] == ["early"]
    assert wait_until(users.peer.taken, 20, "the delivery")


def test_wrong_rights_are_told(users):
    """A right that cannot be is refused with a sentence, and nothing is written."""
    users.relay.start()
    assert "is no network" in users.run("add", "erp", "--networks", "10.0.0.0/99", expect=2)
    assert "whole number" in users.run("add", "erp", "--per-day", "many", expect=2)
    assert "priority is LOW-HIGH" in users.run("add", "erp", "--priority", "9-1", expect=2)
    assert "no password" in users.run("add", "erp", password="short", expect=2)
    assert "no user" in users.run("set", "erp", "--per-day", "1", expect=1)
    assert users.relay.get("/v1/users")["users"] == []


def test_senders(users):
    """MAIL FROM and From: are held to the domains of the user, 550 5.7.1 each."""
    relay = users.relay.start()
    users.run("add", "erp", "--from", "example.com,*.shop.example.com")
    with client(relay) as smtp:
        assert refusal(smtp, sender="a@example.org")[0] == 550
        code, words = refusal(smtp, data=message(sender="boss@example.org"))
        assert code == 550 and words.startswith("5.7.1"), words
        assert refusal(smtp, sender="a@x.shop.example.com") is None
        users.run("set", "erp", "--from", "any")
        assert refusal(smtp, sender="a@example.org") is None


def test_limits_are_kept_over_a_kill(users):
    """Recipients a day: 450 with a sentence at the limit, also after kill -9; more than ever fits is 550."""
    relay = users.relay.start()
    users.run("add", "erp", "--per-day", "10", "--max-message", "10K")
    with client(relay) as smtp:
        assert refusal(smtp, to=[f"r{i}@gmail.test" for i in range(11)])[0] == 550
        assert refusal(smtp, to=[f"r{i}@gmail.test" for i in range(6)]) is None
        assert refusal(smtp, data=message(body=b"x" * 70 + b"\r\n") * 200)[0] == 552
    assert relay.get("/v1/users")["users"][0]["used_day"] == 6
    relay.kill()
    relay.start()
    with client(relay) as smtp:
        code, words = refusal(smtp, to=[f"r{i}@gmail.test" for i in range(5)])
        assert code == 450 and "4.7.1 user erp has sent to" in words and "UTC" in words, words
        taken = 0
        while refusal(smtp, to="one@gmail.test") is None:
            taken += 1
        assert taken <= 4
        users.run("set", "erp", "--per-day", "0")
        assert refusal(smtp, to="one@gmail.test") is None


def test_streams_and_priorities(users):
    """The first stream without asking, another by header, a third never."""
    relay = users.relay.start()
    users.run("add", "erp", "--streams", "bulk", "--priority", "0-3")
    with client(relay) as smtp:
        assert refusal(smtp) is None
        code, words = refusal(smtp, data=message(extra=b"X-Mesura-Stream: transactional\r\n"))
        assert code == 550 and words.startswith("5.7.1"), words
        assert refusal(smtp, data=message(extra=b"X-Mesura-Priority: 9\r\n"))[0] == 550
    assert relay.wait_events("accepted")[0]["stream"] == "bulk"
    assert relay.wait_events("accepted")[0]["user"] == "erp"


def test_failed_logins_are_for_fail2ban(users):
    """One line each, with the address and the name, in the form the documented expression reads; no secret."""
    relay = users.relay.start()
    users.run("add", "erp")
    secret = "not the secret"
    for user in ("erp", "nobody"):
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client(relay, user, secret)
    # smtplib tries PLAIN and then LOGIN.
    lines = wait_until(lambda: (found := [line for line in relay.mail_log().splitlines() if FAIL2BAN.search(line)])
                       and len(found) == 4 and found, 20, "a line for each try")
    assert {FAIL2BAN.search(line)["host"] for line in lines} == {"127.0.0.1"}
    assert "sasl_username=erp" in lines[0] and "sasl_username=nobody" in lines[3]
    with client(relay):
        pass
    with Raw(relay) as raw:
        raw.greet()
        raw.ask("AUTH PLAIN !!!")
    said = relay.mail_log() + relay.stderr() + (relay.folder / "events.jsonl").read_text()
    for word in (secret, PASSWORD):
        assert word not in said
        assert base64.b64encode(word.encode()).decode().rstrip("=") not in said
    assert base64.b64encode(f"\0erp\0{secret}".encode()).decode() not in said
