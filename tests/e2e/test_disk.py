"""A disk that is full: 452, nothing lost, and everything again when there is room."""
import errno
import pathlib
import smtplib

import pytest
from mail import SENDER, message
from patience import wait_until
from relay import BUILD

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


@pytest.fixture
def bad_disk(new_relay, new_peer):
    """A relay on a disk that fails on demand (faultdisk.c), and how to make it fail."""
    relay, peer = new_relay(), new_peer()
    control = relay.folder / "faultdisk"
    library = BUILD / "tests" / "libfaultdisk.so"
    assert library.exists()
    relay.wrapper = ["env", f"LD_PRELOAD={library}", f"FAULTDISK={control}", "ASAN_OPTIONS=verify_asan_link_order=0"]
    relay.route("gmail.test", peer.port)

    def fail(call, code):
        fresh = control.with_suffix(".new")
        fresh.write_text(f"{call} {code}\n")
        fresh.rename(control)

    def failures():
        log = control.with_name("faultdisk.log")
        return log.read_text().splitlines() if log.exists() else []

    def heal():
        control.unlink()

    return relay, peer, fail, failures, heal


@pytest.mark.parametrize("call", ["fdatasync", "pwritev"])
def test_writes_fail(bad_disk, call):
    """A write or sync that fails: 451, never tried again, the process ends and says why; nothing is lost."""
    relay, peer, fail, failures, heal = bad_disk
    relay.start()
    relay.cli("freeze", "stream", "transactional")
    assert try_to_send(relay, "before") == 250
    fail(call, errno.EIO)
    assert try_to_send(relay, "during") == 451
    assert relay.process.wait(30) == 1
    relay.process = None
    last = relay.stderr().strip().splitlines()[-1]
    assert "the queue cannot be written any more" in last and "restart" in last, last
    failed = failures()
    assert failed and len(failed) == len(set(failed)), f"tried again: {failed}"
    heal()
    relay.start()
    relay.cli("thaw", "stream", "transactional")
    relay.wait_empty()
    subjects = {m.field("Subject")[0] for m in wait_until(peer.taken, 20, "a delivery")}
    assert "before" in subjects and subjects <= {"before", "during"}


def test_reads_fail(bad_disk):
    """A message that cannot be read costs the daemon nothing, and goes out when it can be read."""
    relay, peer, fail, failures, heal = bad_disk
    relay.start()
    relay.cli("freeze", "stream", "transactional")
    assert try_to_send(relay, "unreadable", b"q" * 900 + b"\r\n") == 250
    fail("pread", errno.EIO)
    relay.cli("thaw", "stream", "transactional")
    wait_until(failures, 20, "a read that fails")
    assert relay.status()["queued"] == 1 and relay.queue()[0]["sender"] == ""
    relay.cli("queue", "purge", "--all", expect=None)
    assert relay.status()["queued"] == 1, "what cannot be exported is not removed"
    heal()
    relay.restart()
    wait_until(peer.taken, 60, "the delivery")
    relay.wait_empty()


def test_quota(bad_disk):
    """A quota that is used up is a full disk: 452, nothing is lost, and it goes on without a restart."""
    relay, peer, fail, _, heal = bad_disk
    relay.start()
    assert try_to_send(relay, "before") == 250
    wait_until(peer.taken, 20, "the first delivery")
    fail("pwritev", errno.EDQUOT)
    assert [try_to_send(relay, f"full {number}") for number in range(3)] == [452] * 3
    assert relay.process.poll() is None
    heal()
    wait_until(lambda: try_to_send(relay, "after") == 250, 60, "room to be noticed")
    relay.wait_empty()
    wait_until(lambda: "after" in {m.field("Subject")[0] for m in peer.taken()}, 20, "the last delivery")


def test_inodes(new_relay, new_peer):
    """A file system without inodes pushes back before anything fails, and recovers."""
    relay, peer = new_relay(queue={"low_space": "4M", "reserve": "2M"}), new_peer()
    spool = pathlib.Path(relay.config["spool"])
    spool.mkdir()
    script = SCRIPT.replace('size="$1"', 'size="$1",nr_inodes=400')
    relay.wrapper = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", "64m", str(spool)]
    relay.route("gmail.test", peer.port)
    relay.start()
    assert try_to_send(relay, "before") == 250
    folder = inside(relay) / "many"
    folder.mkdir()
    made = []
    try:
        for number in range(1000):
            made.append(folder / str(number))
            made[-1].touch()
    except OSError:
        made.pop()
    wait_until(lambda: relay.status()["refusing"], 10, "the inodes to be noticed")
    assert try_to_send(relay, "none left") == 452
    for path in made:
        path.unlink()
    wait_until(lambda: try_to_send(relay, "after") == 250, 30, "inodes to be noticed")
    relay.wait_empty()


def test_memory(new_relay, new_peer):
    """The queue's memory pushes back with 452, and not before it is used."""
    relay = new_relay(queue={"memory": "16M"}, schedules=[{"name": "quick", "steps": ["1h"], "factor": 1.0, "max": "1h"}])
    relay.set_in("listeners", "apps", max_recipients=10000)
    relay.route("gmail.test", new_peer().port)
    relay.start()
    relay.cli("freeze", "stream", "transactional")

    def send_batch():
        """The code that 9,000 recipients get."""
        with smtplib.SMTP("127.0.0.1", relay.ports["apps"], "client.test", timeout=120) as client:
            client.ehlo()
            code, _ = client.docmd(f"MAIL FROM:<{SENDER}>")
            if code != 250:
                return code
            client.send("".join(f"RCPT TO:<u{number}@gmail.test>\r\n" for number in range(9000)))
            replies = {client.getreply()[0] for _ in range(9000)}
            assert replies == {250}, replies
            code, _ = client.docmd("DATA")
            if code == 354:
                client.send(message() + b".\r\n")
                code, _ = client.getreply()
            return code

    codes = []
    while len(codes) < 60 and (not codes or codes[-1] == 250):
        codes.append(send_batch())
    assert codes[-1] == 452 and codes.count(250) >= 3, codes
    relay.cli("queue", "purge", "--all")
    wait_until(lambda: send_batch() == 250, 30, "memory to be free again")
