"""The spool: who may own it, who may read it, and what is said when it is broken."""
import os
import pathlib
import signal
import smtplib
import socket
import subprocess

import pytest
from mail import SENDER, message, send
from patience import wait_until
from peer import certificate
from relay import BUILD, MESURAD

QSHOW = BUILD / "tools" / "qshow"
SECRETS = (b"the words of the body", b"About a secret", b"kim@gmail.test", SENDER.encode(), b"some reply")


def make_key(relay, name="queue.key"):
    path = relay.folder / name
    path.write_bytes(os.urandom(32))
    path.chmod(0o600)
    return path


def spool_has(relay, words):
    """Is it in any file of the queue? In a daemon's own memory it may be."""
    queue = pathlib.Path(relay.config["spool"]) / "queue"
    return any(words in path.read_bytes() for path in queue.iterdir() if path.is_file())


def start_refused(relay):
    """Start a daemon that must refuse; its exit status and its last line."""
    relay.write_config()
    pathlib.Path(relay.config["spool"]).mkdir(exist_ok=True)
    done = subprocess.run([str(MESURAD), "-c", str(relay.config_path)], capture_output=True, text=True, timeout=30,
                          check=False)
    return done.returncode, done.stderr.strip().splitlines()[-1]


def submit_secret(relay):
    send(relay, ["kim@gmail.test"], message(subject="About a secret", body=b"the words of the body\r\n"))


@pytest.fixture
def stuck(new_relay, new_peer):
    """A relay whose receiver defers everything, and answers for later."""
    relay = new_relay(schedules=[{"name": "quick", "steps": ["1h"], "factor": 1.0, "max": "1h"}])
    peer = new_peer(lambda stage, *_: "451 4.3.0 some reply" if stage == "RCPT" else None)
    relay.route("gmail.test", peer.port)
    return relay, peer


def test_without_a_key_all_can_be_read(stuck):
    """The control: what the next test does not find would be found."""
    relay, _ = stuck
    relay.start()
    submit_secret(relay)
    relay.wait_events("deferred")
    relay.stop()
    for words in SECRETS:
        assert spool_has(relay, words), words


def test_key_file(stuck):
    """With a key nothing of the mail can be read off the spool, and all of it is delivered."""
    relay, peer = stuck
    key = make_key(relay)
    relay.change(queue={"key_file": str(key)})
    relay.start()
    submit_secret(relay)
    big = b"the words of the body " * 50000 + b"\r\n"
    send(relay, ["kim@gmail.test"], message(subject="About a secret", body=b"\r\n".join(
        big[i:i + 900] for i in range(0, len(big), 900))))
    relay.wait_events("deferred", 2)
    relay.kill()
    for words in SECRETS:
        assert not spool_has(relay, words), words
    queue = pathlib.Path(relay.config["spool"]) / "queue"
    plain = subprocess.run([QSHOW, queue], capture_output=True, text=True, timeout=30, check=False)
    assert plain.returncode == 0 and "encrypted" in plain.stdout and "gmail.test" not in plain.stdout
    opened = subprocess.run([QSHOW, "--key", key, queue], capture_output=True, text=True, timeout=30, check=False)
    assert opened.returncode == 0 and "<kim@gmail.test>" in opened.stdout, opened.stdout
    peer.answers = None
    relay.start()
    shown = relay.queue()
    assert len(shown) == 2 and all("451 4.3.0 some reply" in row["reply"] for row in shown)
    relay.cli("queue", "retry", "--all")
    relay.wait_empty()
    wait_until(lambda: len(peer.taken()) == 2, 10, "both messages")
    assert all(b"the words of the body" in taken.data for taken in peer.taken())


@pytest.mark.parametrize("what", ["other", "none", "short", "open"])
def test_wrong_key(stuck, what):
    """Without the key the queue is not opened: exit 1, file and line, and nothing is changed."""
    relay, _ = stuck
    key = make_key(relay)
    relay.change(queue={"key_file": str(key)})
    relay.start()
    submit_secret(relay)
    relay.wait_events("deferred")
    relay.stop()
    wrong = make_key(relay, "wrong.key")
    relay.change(queue={"key_file": "" if what == "none" else str(wrong)})
    if what == "short":
        wrong.write_bytes(b"x" * 31)
    elif what == "open":
        wrong.chmod(0o644)
    queue = pathlib.Path(relay.config["spool"]) / "queue"
    before = {path.name: path.read_bytes() for path in queue.iterdir() if path.name.endswith(".seg")}
    status, last = start_refused(relay)
    assert status == 1
    assert last.startswith(f"{relay.config_path}:") and "key" in last, last
    assert int(last.split(":")[1]) > 0
    after = {path.name: path.read_bytes() for path in queue.iterdir() if path.name.endswith(".seg")}
    assert before == after
    relay.change(queue={"key_file": str(key)})
    relay.start()
    assert len(relay.queue()) == 1


def test_second_daemon(new_relay):
    """A second daemon on the spool ends before it binds a port, and names the first's process."""
    relay = new_relay()
    relay.start()
    pid = relay.process.pid
    second = new_relay(spool=relay.config["spool"])
    status, last = start_refused(second)
    assert status == 1 and f"process {pid}" in last, last
    for port in second.ports.values():
        with socket.create_server(("127.0.0.1", port)):
            pass  # nobody has it
    assert "listener" not in second.stderr()
    assert relay.status()["phase"] == "running"
    # A spool whose owner was killed has no owner.
    relay.kill()
    second.start()
    assert second.status()["phase"] == "running"


def test_damage_is_told(stuck):
    """A segment that cannot be read is set aside and said: log, event, status; the rest goes on."""
    relay, peer = stuck
    relay.start()
    submit_secret(relay)
    relay.wait_events("deferred")
    relay.stop()
    queue = pathlib.Path(relay.config["spool"]) / "queue"
    segments = sorted(path for path in queue.iterdir() if path.name.endswith(".seg"))
    broken = queue / "00000000000000ff.seg"
    broken.write_bytes(b"no segment at all" * 1000)
    assert segments, list(queue.iterdir())
    relay.start()
    notes = relay.status()["notes"]
    assert len(notes) == 1 and "kept as 00000000000000ff.seg.bad" in notes[0], notes
    assert (queue / "00000000000000ff.seg.bad").exists() and not broken.exists()
    assert "ATTENTION" in relay.cli("status")
    assert "00000000000000ff.seg.bad" in relay.stderr()
    found = relay.wait_events("alert")
    assert any("00000000000000ff.seg.bad" in str(event) for event in found)
    peer.answers = None
    relay.cli("queue", "retry", "--all")
    relay.wait_empty()


def test_forgotten_store(stuck):
    """A queue with mail beside a store that is new: what was learnt is lost, and that is said."""
    relay, _ = stuck
    relay.start()
    assert "notes" not in relay.status()
    submit_secret(relay)
    relay.wait_events("deferred")
    relay.stop()
    for path in pathlib.Path(relay.config["spool"]).glob("store.sqlite*"):
        path.unlink()
    relay.start()
    notes = relay.status()["notes"]
    assert len(notes) == 1 and "store was empty" in notes[0], notes


def test_attempt_has_tls_and_time(new_relay, new_peer):
    """`queue show` has for each attempt how it was encrypted and how long it took, also after a restart."""
    relay = new_relay(schedules=[{"name": "quick", "steps": ["1h"], "factor": 1.0, "max": "1h"}],
                      delivery={"tls": "opportunistic"})
    peer = new_peer(lambda stage, *_: "451 4.3.0 later" if stage == "RCPT" else None, tls=certificate(relay.folder))
    relay.change(routes=[{"domain": "gmail.test", "host": "127.0.0.1", "port": peer.port, "tls": "opportunistic"}])
    relay.start()
    submit_secret(relay)
    relay.wait_events("deferred")
    ident = relay.queue()[0]["id"]
    relay.restart()
    attempt, = relay.get(f"/v1/queue/{ident}")["attempts"]
    assert attempt["tls"].startswith("TLSv1."), attempt
    assert 0 < attempt["took_ms"] < 60000, attempt
    assert "TLSv1." in relay.cli("queue", "show", ident)


def test_envelope_too_large(stuck):
    """An envelope that no record can hold is refused for good: 552, not 451 for ever."""
    relay, _ = stuck
    relay.set_in("listeners", "apps", max_recipients=10000)
    relay.start()
    with smtplib.SMTP("127.0.0.1", relay.ports["apps"], "client.test", timeout=120) as client:
        client.ehlo()
        client.docmd("MAIL FROM:<a@sender.test>")
        orcpt = "rfc822;" + "x" * 490
        batch = [f"RCPT TO:<{number:05}{'l' * 50}@{'d' * 60}.{'e' * 60}.{'f' * 60}.gmail.test> ORCPT={orcpt}\r\n"
                 for number in range(7000)]
        accepted = 0
        for first in range(0, len(batch), 500):
            client.send("".join(batch[first:first + 500]))
            for _ in batch[first:first + 500]:
                accepted += client.getreply()[0] == 250
        assert accepted * 700 > 4 * 1024 * 1024, accepted
        assert client.docmd("DATA")[0] == 354
        client.send("Subject: many\r\n\r\nbody\r\n.\r\n")
        code, text = client.getreply()
        assert code == 552 and text.startswith(b"5.3.4"), (code, text)
        # The session goes on, and so does the relay.
        client.docmd("RSET")
    submit_secret(relay)


def test_stop_leaves_the_lock(new_relay):
    """SIGTERM ends the owner; the next one starts at once on the same spool."""
    relay = new_relay()
    relay.start()
    relay.process.send_signal(signal.SIGTERM)
    assert relay.process.wait(30) == 0
    relay.start()
