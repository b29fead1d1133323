"""What an operator sees and does: the command, the HTTP API, the logs."""
import json
import os
import pathlib
import random
import socket
import stat
import subprocess
import urllib.error
import urllib.request

import pytest
from mail import message, send
from patience import stays_true, wait_until
from relay import MESURA, free_port


@pytest.fixture
def waiting(new_relay, new_peer):
    """A relay with three recipients that are deferred, one of them of bulk."""
    relay = new_relay(schedules=[{"name": "quick", "steps": ["1h"], "factor": 1.0, "max": "1h"}])
    peer = new_peer(lambda stage, *_: "451 4.7.1 later, \x1b[31mplease" if stage == "RCPT" else None)
    relay.route("gmail.test", peer.port)
    relay.route("other.test", peer.port)
    relay.start()
    send(relay, "kim@gmail.test", message(subject="Invoice 7"))
    send(relay, "lee@other.test", message(subject="Offer"))
    send(relay, "pat@gmail.test", message(subject="News", extra=b"X-Mesura-Job: weekly\r\n"), listener="bulk")
    wait_until(lambda: [row["state"] for row in relay.queue()] == ["deferred"] * 3, 20, "three deferrals")
    return relay, peer


def test_status_has_the_promised_keys(rig):
    """queued, held, delivered, streams, sources, sites; the same by HTTP and by command."""
    relay, peer = rig
    send(relay, "kim@gmail.test")
    wait_until(peer.taken, 20, "the delivery")
    wait_until(lambda: relay.status()["delivered"] == 1, 20, "the count")
    document = relay.cli_json("status")
    for key in ("queued", "held", "delivered", "streams", "sources", "sites"):
        assert key in document
    assert {s["name"] for s in document["streams"]} >= {"transactional", "bulk"}
    assert {s["name"] for s in document["sources"]} == {"tx1", "bulk1"}
    assert "relay.test" in relay.cli("status")


@pytest.mark.parametrize("command", ["streams", "sources", "sites", "lanes", "blocks", "warmup", "journal", "queue"])
def test_each_table(waiting, command):
    """Each has a table for people and a document for programs."""
    relay, _ = waiting
    assert relay.cli(command).strip()
    document = relay.cli_json(command)
    key = {"queue": "recipients"}.get(command, command)
    assert isinstance(document[key], list)


def test_queue_selectors(waiting):
    """The same selectors find and act."""
    relay, _ = waiting

    def found(*words):
        return sorted(row["recipient"] for row in relay.cli_json("queue", *words)["recipients"])

    assert len(found()) == 3
    assert found("--domain", "gmail.test") == ["kim@gmail.test", "pat@gmail.test"]
    assert found("--stream", "bulk") == ["pat@gmail.test"]
    assert found("--subject", "invoice") == ["kim@gmail.test"]
    assert found("--job", "weekly") == ["pat@gmail.test"]
    assert found("--rcpt", "*@other.test") == ["lee@other.test"]
    assert found("--sender", "app@sender.test", "--state", "deferred", "--newer", "1h", "--reply", "4.7.1") == found()
    assert relay.cli("queue", "--domain", "nobody.test", expect=1)
    relay.cli("queue", "--colour", "red", expect=2)
    relay.cli("queue", "--state", "gone", expect=2)


def test_pages_of_the_queue(waiting):
    """A long queue is read in pages, each recipient once."""
    relay, _ = waiting
    seen, query = [], "?limit=1"
    while True:
        document = relay.get("/v1/queue" + query)
        seen += [row["recipient"] for row in document["recipients"]]
        if not document.get("cursor"):
            break
        assert len(seen) <= 3
        query = "?limit=1&cursor=" + urllib.request.quote(document["cursor"])
    assert sorted(seen) == ["kim@gmail.test", "lee@other.test", "pat@gmail.test"]


def test_show_has_every_attempt(waiting):
    """One message with the exact reply, its class, its source; terminals are safe from it."""
    relay, _ = waiting
    row = relay.queue("?domain=other.test")[0]
    document = relay.cli_json("queue", "show", row["id"])
    attempt = document["attempts"][0]
    assert attempt["reply"].startswith("451 4.7.1 later")
    assert attempt["source"] == "tx1" and attempt["source_address"] == "127.0.0.11"
    assert document["subject"] == "Offer" and document["recipients"][0]["recipient"] == "lee@other.test"
    text = relay.cli("queue", "show", row["id"])
    assert "451 4.7.1 later" in text and "\x1b" not in text
    relay.cli("queue", "show", "0000000000000", expect=1)
    relay.cli("queue", "show", "'; drop table", expect=1)


def test_why(waiting):
    """By id, address, domain: the gates in order, and the one that holds."""
    relay, _ = waiting
    row = relay.queue("?domain=other.test")[0]
    for subject in (row["id"], "lee@other.test", "other.test"):
        paths = relay.cli_json("why", subject)["paths"]
        closed = [gate["name"] for path in paths for gate in path["gates"] if gate["state"] == "closed"]
        assert "backoff" in closed, (subject, paths)
        assert "backoff" in relay.cli("why", subject)
    relay.cli("why", "nobody@nowhere.test", expect=1)


def test_hold_release_retry(waiting):
    """Held stays held over a kill; released leaves again."""
    relay, peer = waiting
    assert relay.cli_json("queue", "hold", "--domain", "gmail.test", "--why", "audit")["count"] == 2
    assert relay.status()["held"] == 2
    relay.wait_events("held", 2)
    peer.answers = None
    relay.kill()
    relay.start()
    assert relay.status()["held"] == 2
    assert all("audit" in row["held_by"] for row in relay.queue("?state=held"))
    relay.cli("queue", "retry", "--domain", "other.test")
    wait_until(peer.taken, 20, "the one that was due")
    stays_true(lambda: len(peer.taken()) == 1, 1, "what is held stays")
    assert relay.cli_json("queue", "release", "--state", "held")["count"] == 2
    relay.cli("queue", "retry", "--all")
    wait_until(lambda: len(peer.taken()) == 3, 20, "the released ones")
    relay.wait_empty()
    kinds = [event["event"] for event in relay.events()]
    assert "held" in kinds and "released" in kinds


def test_bounce_by_hand(waiting, new_peer):
    """The operator may return mail to its senders."""
    relay, _ = waiting
    relay.cli("queue", "bounce", expect=2)
    assert relay.cli_json("queue", "bounce", "--domain", "other.test", "--why", "wrong list")["count"] == 1
    assert relay.wait_events("bounced")[0]["recipient"] == "lee@other.test"
    relay.cli("queue", "bounce", "--domain", "other.test", expect=1)


@pytest.mark.parametrize("kind, name", [("stream", "bulk"), ("source", "bulk1"), ("site", "gmail.test")])
def test_freeze_and_thaw(rig, kind, name):
    """A freeze stops at once, is shown with its reason, survives a restart, and ends."""
    relay, peer = rig
    if kind == "site":
        send(relay, "kim@gmail.test", listener="bulk")
        wait_until(peer.taken, 20, "the site's name")
        name = relay.status()["sites"][0]["name"]
        before = len(peer.taken())
    else:
        before = 0
    relay.cli("freeze", kind, name, "--why", "the numbers look odd")
    send(relay, "kim@gmail.test", listener="bulk")
    stays_true(lambda: len(peer.taken()) == before, 1.5, "nothing leaves")
    relay.restart()
    stays_true(lambda: len(peer.taken()) == before, 1.5, "nothing leaves after a restart")
    freeze = relay.get("/v1/blocks")["freezes"][0]
    assert freeze["kind"] == kind and freeze["name"] == name and freeze["why"] == "the numbers look odd"
    assert "uid" in freeze["by"]
    assert "the numbers look odd" in relay.cli("status")
    relay.cli("thaw", kind, name)
    wait_until(lambda: len(peer.taken()) == before + 1, 20, "the mail that waited")
    relay.cli("thaw", kind, name, expect=1)
    relay.cli("freeze", "stream", "nobody", expect=1)
    relay.cli("freeze", "planet", "mars", expect=2)


def test_freeze_ends_by_itself(rig):
    """--for is kept."""
    relay, peer = rig
    relay.cli("freeze", "stream", "transactional", "--for", "2s")
    send(relay, "kim@gmail.test")
    stays_true(lambda: not peer.taken(), 1, "frozen")
    wait_until(peer.taken, 20, "the thaw")


def test_drain(waiting):
    """New mail is refused politely; what is there goes on; --off ends it."""
    relay, peer = waiting
    relay.cli("drain")
    assert relay.status()["phase"] == "draining"
    with socket.create_connection(("127.0.0.1", relay.ports["apps"]), 10) as client:
        first = client.recv(200)
        if first.startswith(b"220"):
            client.sendall(b"EHLO a.test\r\nMAIL FROM:<a@b.test>\r\n")
            text = b""
            while b"\r\n4" not in text and b"\n4" not in text:
                more = client.recv(4096)
                assert more, text
                text += more
        else:
            assert first.startswith(b"421"), first
    peer.answers = None
    relay.cli("queue", "retry", "--all")
    relay.cli("drain", "--wait")
    assert len(peer.taken()) == 3
    relay.cli("drain", "--off")
    send(relay, "kim@gmail.test")
    wait_until(lambda: len(peer.taken()) == 4, 20, "mail after the drain")


def test_mailq_and_newaliases(waiting, tmp_path):
    """Called by Postfix's names it behaves as those do."""
    relay, _ = waiting
    for name in ("mailq", "newaliases"):
        (tmp_path / name).symlink_to(MESURA)
    environment = {**os.environ, "MESURA_SOCKET": relay.config["control"]}
    shown = subprocess.run([tmp_path / "mailq"], capture_output=True, text=True, env=environment, timeout=30, check=False)
    assert shown.returncode == 0 and shown.stdout.startswith("-Queue ID-")
    assert "kim@gmail.test" in shown.stdout and "3 Requests" in shown.stdout
    assert subprocess.run([tmp_path / "newaliases"], timeout=30, check=False).returncode == 0


def test_exit_statuses(new_relay, tmp_path):
    """69 without a daemon, 77 without the right, 2 for nonsense."""
    relay = new_relay()
    relay.process = None

    def status(*words, user=None):
        def before():
            if user:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)

        return subprocess.run([str(MESURA), *words], capture_output=True, timeout=30, check=False,
                              preexec_fn=before).returncode

    assert status("status", "--socket", str(tmp_path / "none")) == 69
    assert status("nonsense") == 2 and status() == 2 and status("freeze", "stream") == 2
    assert status("help") == 0 and status("help", "queue") == 0 and status("--version") == 0
    if os.getuid() == 0:
        relay.start()
        relay.folder.chmod(0o755)
        assert status("status", "--socket", relay.config["control"], user=65534) == 77
        mode = stat.S_IMODE(pathlib.Path(relay.config["control"]).stat().st_mode)
        assert mode == 0o660


def test_summary(new_relay, new_peer):
    """What came and what became of it, by class, also after a restart; what nobody understood is named."""
    relay = new_relay(schedules=[{"name": "quick", "steps": ["1h"], "factor": 1.0, "max": "1h"}])
    odd = new_peer(lambda stage, *_: "450 Ziggurat 17 is out of plumbing" if stage == "RCPT" else None)
    good = new_peer()
    relay.route("odd.test", odd.port)
    relay.route("good.test", good.port)
    relay.start()
    send(relay, "kim@odd.test", message())
    send(relay, "lee@good.test", message())
    send(relay, "pat@good.test", message())

    def rows():
        document = relay.cli_json("summary", "--since", "2h")
        return {(row["group"], row["what"], row["name"]): row["count"] for row in document["summary"]}

    def is_counted():
        now = rows()
        return now.get(("total", "delivered", "")) == 2 and now.get(("total", "deferred", "")) == 1

    wait_until(is_counted, 20, "two delivered and one deferred in the summary")
    seen = rows()
    assert seen["total", "accepted", ""] == 3
    assert seen["class", "replies", "remote-failure"] == 1
    assert seen["unknown", "replies", "450 Ziggurat # is out of plumbing"] == 1
    relay.stop()
    relay.start()
    assert rows()["total", "delivered", ""] == 2
    text = relay.cli("summary")
    assert "3 messages accepted; 2 recipients delivered, 1 deferrals" in text
    assert "Ziggurat # is out of plumbing" in text


def test_classify_needs_no_daemon(tmp_path):
    """One reply a line in, one judgement a line out."""
    path = tmp_path / "replies"
    path.write_text("554 5.7.1 Service unavailable; Client host [203.0.113.7] blocked using bl.spamcop.net\n"
                    "550 5.1.1 no such user\n\n421 4.7.28 unusual rate of unsolicited mail\n")
    done = subprocess.run([str(MESURA), "classify", str(path)], capture_output=True, text=True, timeout=30, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["ip-listed", "bad-mailbox", "throttle"]
    assert rows[0][1:4] == ["bl.spamcop.net", "203.0.113.7", "source"]
    assert rows[1][4] == "550 5.1.1 no such user"


def test_http_over_tcp(new_relay, tmp_path):
    """With a token only; no foreign Host; the page and the health are for everybody."""
    token = tmp_path / "token"
    token.write_text("a-long-enough-token\n")
    token.chmod(0o600)
    port = free_port()
    relay = new_relay(http={"address": "127.0.0.1", "port": port, "token_file": str(token)})
    relay.start()

    def ask(path, host=None, bearer="a-long-enough-token"):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
        if bearer:
            request.add_header("Authorization", "Bearer " + bearer)
        if host:
            request.add_header("Host", host)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    assert ask("/v1/status")[0] == 200
    assert ask("/v1/status", bearer=None)[0] == 401
    assert ask("/v1/status", bearer="a-long-enough-tokeN")[0] == 401
    assert ask("/v1/status", host="evil.example")[0] == 403
    status, page = ask("/", bearer=None)
    assert status == 200 and page.lstrip().lower().startswith("<!doctype html>")
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "") and "https://" not in page
    assert ask("/healthz", bearer=None)[0] == 200


def test_metrics(rig):
    """Prometheus text: names begin mesura_, every sample has a type."""
    relay, peer = rig
    send(relay, "kim@gmail.test")
    wait_until(peer.taken, 20, "the delivery")
    status, text = relay.http("GET", "/metrics")
    assert status == 200
    types = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert samples
    for sample in samples:
        name = sample.split("{")[0].split()[0]
        assert name.startswith("mesura_"), sample
        assert any(name == known or name.startswith(known + "_") for known in types), sample
        float(sample.rsplit(" ", 1)[1])


def test_garbage_on_the_socket(rig):
    """Ten thousand connections with random bytes: each ends, and the daemon goes on."""
    relay, peer = rig
    chance = random.Random(117)
    before = relay.memory_kib()
    for number in range(10000):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(relay.config["control"])  # blocking: waits for room in the row of callers
            client.settimeout(10)
            try:
                client.sendall(chance.randbytes(chance.randrange(1, 600)) if number % 2 else
                               b"POST /v1/drain HTTP/1.1\r\nContent-Length: 5\r\n\r\n" + chance.randbytes(5))
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert relay.status()["phase"] == "running"
    assert relay.memory_kib() - before < 16 << 10
    send(relay, "kim@gmail.test")
    wait_until(peer.taken, 20, "mail after that")


def test_logs(rig):
    """events.jsonl tells a message's whole life; mail.log tells it as Postfix does."""
    relay, peer = rig
    send(relay, "kim@gmail.test")
    wait_until(peer.taken, 20, "the delivery")
    accepted, delivered = relay.wait_events("accepted")[0], relay.wait_events("delivered")[0]
    assert accepted["id"] == delivered["id"] and accepted["sender"] == "app@sender.test"
    assert delivered["recipient"] == "kim@gmail.test" and delivered["site"]
    line = wait_until(lambda: [x for x in relay.mail_log().splitlines() if "status=sent" in x], 20, "the mail log")[0]
    assert f": {delivered['id']}: to=<kim@gmail.test>, relay=" in line and "dsn=2.0.0" in line
    summary = subprocess.run(["pflogsumm", relay.config["log"]["maillog"]], capture_output=True, text=True, timeout=60,
                             check=False)
    assert summary.returncode == 0 and " 1   delivered" in summary.stdout, summary.stdout[:600]


def test_log_rotation(rig):
    """After a rotation and SIGHUP the new file is written."""
    relay, _ = rig
    send(relay, "kim@gmail.test")
    relay.wait_events("delivered")
    path = pathlib.Path(relay.config["log"]["file"])
    path.rename(path.with_suffix(".1"))
    relay.cli("reload")
    send(relay, "lee@gmail.test")
    relay.wait_events("delivered", recipient="lee@gmail.test")
    assert json.loads(path.with_suffix(".1").read_text().splitlines()[0])["event"] == "accepted"
