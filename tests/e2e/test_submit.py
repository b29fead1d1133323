"""Who may hand over mail, by which programs, and what is refused with which words."""
import random
import shutil
import smtplib
import socket
import subprocess
import time

import pytest
from mail import SENDER, Raw, message, send
from patience import wait_until
from relay import Relay, check_config


def test_smtplib(rig):
    """Python's own client is served."""
    relay, peer = rig
    assert send(relay, ["kim@gmail.test", "lee@gmail.test"]) == {}
    taken = wait_until(lambda: sum(len(m.recipients) for m in peer.taken()) == 2 and peer.taken(), 20, "both")
    assert {r for m in taken for r in m.recipients} == {"kim@gmail.test", "lee@gmail.test"}


def test_swaks(rig):
    """swaks is served, also with pipelining."""
    relay, peer = rig
    done = subprocess.run(["swaks", "--server", f"127.0.0.1:{relay.ports['apps']}", "--from", SENDER, "--to",
                           "kim@gmail.test", "--pipeline", "--header", "Subject: by swaks"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert wait_until(peer.taken, 20, "the delivery")[0].field("Subject") == ["by swaks"]


def test_curl(rig, tmp_path):
    """curl is served."""
    relay, peer = rig
    path = tmp_path / "mail"
    path.write_bytes(message(subject="by curl"))
    done = subprocess.run(["curl", "-sS", f"smtp://127.0.0.1:{relay.ports['apps']}/client.test",
                           "--mail-from", SENDER, "--mail-rcpt", "kim@gmail.test", "-T", str(path)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert wait_until(peer.taken, 20, "the delivery")[0].field("Subject") == ["by curl"]


def test_msmtp(rig):
    """msmtp, which many use as sendmail, is served."""
    relay, peer = rig
    assert shutil.which("msmtp")
    done = subprocess.run(["msmtp", "--host=127.0.0.1", f"--port={relay.ports['apps']}", f"--from={SENDER}", "--tls=off",
                           "--auth=off", "kim@gmail.test"], input=message(subject="by msmtp"), capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert wait_until(peer.taken, 20, "the delivery")[0].field("Subject") == ["by msmtp"]


def test_extensions(rig):
    """The extensions that applications use are offered, and only what works."""
    relay, _ = rig
    with Raw(relay) as client:
        words = client.greet()
        for keyword in ("PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES"):
            assert keyword in words
        assert "STARTTLS" not in words, "no certificate is configured"
        assert "AUTH" not in words
        assert client.ask("HELP").startswith("214")
        assert client.ask("NOOP").startswith("250")
        assert client.ask("VRFY kim").startswith("252")
        assert client.ask("RSET").startswith("250")
        assert client.ask("QUIT").startswith("221")


def test_pipelined(rig):
    """A whole transaction in one packet is answered in order."""
    relay, peer = rig
    with Raw(relay) as client:
        client.greet()
        client.send(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<kim@gmail.test>\r\nRCPT TO:<b@>\r\nDATA\r\n")
        codes = [client.reply()[:3] for _ in range(4)]
        assert codes[0] == "250" and codes[1] == "250" and codes[2][0] == "5" and codes[3] == "354"
        client.send(message() + b".\r\nMAIL FROM:<b@sender.test>\r\n")
        assert client.reply().startswith("250")
        assert client.reply().startswith("250")
    assert wait_until(peer.taken, 20, "the delivery")[0].recipients == ["kim@gmail.test"]


@pytest.mark.parametrize("command, code", [
    ("RCPT TO:<kim@gmail.test>", "503"), ("DATA", "503"), ("NONSENSE", "500"), ("MAIL app", "501"), ("MAIL FROM:a@", "501"),
    ("MAIL FROM:<a@b.test> SIZE=99999999999", "552"), ("MAIL FROM:<a@b.test> NEWS=1", "555"),
    ("MAIL FROM:<" + "a" * 70 + "@b.test>", "5"), ("EHLO", "501"), ("STARTTLS", "5"), ("AUTH PLAIN", "5"),
])
def test_refused_commands(rig, command, code):
    """Each mistake has its code and the session goes on."""
    relay, _ = rig
    with Raw(relay) as client:
        client.greet()
        reply = client.ask(command)
        assert reply.startswith(code), reply
        assert client.ask("NOOP").startswith("250")


def test_stranger_may_not_relay(new_relay):
    """A client outside of the trusted networks is refused; one inside is served."""
    relay = new_relay()
    relay.config["listeners"][0]["trust"] = ["127.0.0.7"]
    relay.start()
    with Raw(relay) as client:
        banner = client.reply()
        refused = not banner.startswith("220")
        if not refused:
            client.ask("EHLO client.test")
            refused = client.ask(f"MAIL FROM:<{SENDER}>")[0] == "5" or \
                client.ask("RCPT TO:<kim@gmail.test>")[0] == "5"
        assert refused
    with socket.create_connection(("127.0.0.1", relay.ports["apps"]), 10, ("127.0.0.7", 0)) as friend:
        assert friend.recv(100).startswith(b"220")


def test_never_an_open_relay(tmp_path):
    """A listener that would serve anybody is an error of the configuration."""
    for trust in ("", 'trust = [ "0.0.0.0/0" ]; '):
        status, words, path = check_config(
            f'hostname = "relay.test";\nlisteners = ( {{ name = "a"; address = "0.0.0.0"; port = 2525; {trust}}} );\n',
            tmp_path)
        assert status == 1
        assert f"{path}:2" in words, words


def test_limits_of_a_message(new_relay, new_peer):
    """Size, recipients and header each have their limit and their code."""
    relay, peer = new_relay(), new_peer()
    relay.set_in("listeners", "apps", max_message="1M", max_recipients=5)
    relay.route("gmail.test", peer.port)
    relay.start()
    with Raw(relay) as client:
        assert "SIZE 1048576" in client.greet()
        assert client.ask("MAIL FROM:<a@b.test> SIZE=1048577").startswith("552")
        assert client.ask("MAIL FROM:<a@b.test>").startswith("250")
        for number in range(5):
            assert client.ask(f"RCPT TO:<r{number}@gmail.test>").startswith("250")
        assert client.ask("RCPT TO:<r5@gmail.test>").startswith("452")
        assert client.ask("DATA").startswith("354")
        client.send(message(body=b"x" * 70 + b"\r\n" + (b"y" * 998 + b"\r\n") * 1100) + b".\r\n")
        assert client.reply().startswith("552")
        client.envelope("kim@gmail.test")
        client.send(b"X-Long: " + b"h" * 900 + b"\r\n" + (b" " + b"h" * 900 + b"\r\n") * 400 + b"\r\nx\r\n.\r\n")
        assert client.reply()[0] == "5"
        client.envelope("kim@gmail.test")
        client.send(message(subject="after all that") + b".\r\n")
        assert client.reply().startswith("250")
    assert wait_until(peer.taken, 20, "the good one")[0].field("Subject") == ["after all that"]


def test_loop_is_cut(rig):
    """A message that has been through a hundred servers goes round in circles."""
    relay, _ = rig
    received = b"Received: from a.test by b.test; Sat, 21 Nov 2026 12:00:00 +0000\r\n"
    with Raw(relay) as client:
        client.greet()
        client.envelope("kim@gmail.test")
        client.send(received * 101 + message() + b".\r\n")
        reply = client.reply()
        assert reply.startswith("554") and "5.4.6" in reply, reply


ENDINGS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n\n.\r\n", b"\r\n\0.\r\n",
           b"\r\n.\0\r\n", b"\r\r\n.\r\r\n"]


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
def test_no_smuggling(rig, ending):
    """Only CRLF.CRLF ends a message; with anything like it inside, the message is refused."""
    relay, peer = rig
    with Raw(relay) as client:
        client.greet()
        client.envelope("kim@gmail.test")
        client.send(message(body=b"first" + ending + b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<kim@gmail.test>\r\n"
                                 b"DATA\r\nFrom: boss\r\n\r\nsmuggled\r\n") + b".\r\n")
        reply = client.reply()
        assert reply.startswith("550"), reply
        assert client.ask("NOOP").startswith("250")
        assert not client.buffer, "one answer and no more"
    relay.wait_empty()
    assert peer.taken() == []
    assert relay.events("accepted") == []


def test_line_endings_can_be_repaired(new_relay, new_peer):
    """Old programs that send bare LF may be allowed; the end of data stays strict."""
    relay, peer = new_relay(), new_peer()
    relay.set_in("listeners", "apps", line_endings="normalize")
    relay.route("gmail.test", peer.port)
    relay.start()
    with Raw(relay) as client:
        client.greet()
        client.envelope("kim@gmail.test")
        client.send(message(body=b"one\ntwo\n.\nthree\n") + b"\r\n.\r\n")
        assert client.reply().startswith("250")
    taken = wait_until(peer.taken, 20, "the delivery")[0]
    assert taken.body.startswith(b"one\r\ntwo\r\n.\r\nthree\r\n")


def test_garbage(rig):
    """Random bytes end in refusals or a closed connection; everybody else is served."""
    relay, peer = rig
    chance = random.Random(20261121)
    for _ in range(60):
        with Raw(relay) as client:
            try:
                client.send(chance.randbytes(chance.randrange(1, 5000)))
                client.socket.shutdown(socket.SHUT_WR)
                assert client.is_cut()
            except (BrokenPipeError, ConnectionResetError):
                pass
    send(relay, "kim@gmail.test")
    assert wait_until(peer.taken, 20, "the delivery")


def test_long_line(rig):
    """A command line without end is refused and the next one is understood."""
    relay, _ = rig
    with Raw(relay) as client:
        client.greet()
        assert client.ask("NOOP " + "x" * 100000).startswith("500")
        assert client.ask("NOOP").startswith("250")


def test_too_many_errors(new_relay):
    """Who only makes mistakes is sent away."""
    relay = new_relay()
    relay.set_in("listeners", "apps", max_errors=5)
    relay.start()
    with Raw(relay) as client:
        client.greet()
        replies = []
        for _ in range(10):
            try:
                replies.append(client.ask("NONSENSE")[:3])
            except EOFError:
                break
        assert replies[-1] == "421" and len(replies) <= 7, replies
        assert client.is_cut()


def test_half_closed(rig):
    """A client that stops sending inside a message leaves nothing behind."""
    relay, peer = rig
    with Raw(relay) as client:
        client.greet()
        client.envelope("kim@gmail.test")
        client.send(message() + b"and no end\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_cut()
        assert b"250" not in client.buffer
    send(relay, "kim@gmail.test", message(subject="whole"))
    taken = wait_until(peer.taken, 20, "the whole one")
    assert [m.field("Subject") for m in taken] == [["whole"]]


def test_client_that_never_reads(rig):
    """Commands without end from a client that reads no answer: we stop reading, not growing."""
    relay, peer = rig
    before = relay.memory_kib()
    with Raw(relay, timeout=3) as client:
        end = time.monotonic() + 30
        is_over = False
        while not is_over and time.monotonic() < end:
            try:
                client.socket.send(b"NOOP\r\n" * 10000)
            except OSError:
                is_over = True  # it does not read any more, or it has hung up
        assert is_over, "the relay takes commands without end"
        assert relay.memory_kib() - before < 32 << 10
        send(relay, "kim@gmail.test")
        assert wait_until(peer.taken, 20, "the delivery of another client's mail")


def test_idle_client_is_sent_away(new_relay):
    """Silence ends with 421."""
    relay = new_relay()
    relay.set_in("listeners", "apps", idle_timeout="1s")
    relay.start()
    with Raw(relay) as client:
        client.greet()
        assert client.is_cut()
        assert b"421" in client.buffer


def test_many_connections(new_relay, new_peer):
    """Connections beyond the listener's number are refused politely, and places come free."""
    relay, peer = new_relay(), new_peer()
    relay.set_in("listeners", "apps", max_connections=10)
    relay.route("gmail.test", peer.port)
    relay.start()
    clients = [Raw(relay) for _ in range(10)]
    for client in clients:
        assert client.reply().startswith("220")
    with Raw(relay) as extra:
        assert extra.is_cut()
        assert extra.buffer.startswith(b"421"), extra.buffer
    clients.pop().close()

    def is_served():
        with Raw(relay) as client:
            return client.socket.recv(3) == b"220"

    wait_until(is_served, 20, "a place that came free")
    for client in clients:
        client.close()


def test_null_sender_and_postmaster(rig):
    """Bounces of others (MAIL FROM:<>) are relayed as they are."""
    relay, peer = rig
    assert send(relay, "kim@gmail.test", sender="") == {}
    assert wait_until(peer.taken, 20, "the delivery")[0].sender == ""


def test_refused_domain_syntax(rig):
    """An address that no server could take is refused at once."""
    relay, _ = rig
    for address in ("kim@", "@gmail.test", "kim@gm ail.test", "kim@-x-.test"):
        with smtplib.SMTP("127.0.0.1", relay.ports["apps"], "client.test", timeout=30) as client:
            client.ehlo()
            client.mail(SENDER)
            assert client.docmd(f"RCPT TO:<{address}>")[0] >= 500, address


def test_ids_are_told(rig):
    """The id in the answer is the one in the log and in the queue's commands."""
    relay, _ = rig
    with Raw(relay) as client:
        client.greet()
        client.envelope("kim@gmail.test")
        client.send(message() + b".\r\n")
        reply = client.reply()
    assert relay.wait_events("accepted")[0]["id"] in reply


def test_relay_is_a_class_of_its_own():
    """Two relays run side by side: nothing is global to the machine."""
    with Relay() as one, Relay() as two:
        assert one.status()["hostname"] == two.status()["hostname"] == "relay.test"
