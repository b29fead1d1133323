"""`mesura sendmail`: what programs call, and what becomes of their mail while the daemon is down."""
import os
import pathlib
import subprocess

import pytest
from patience import wait_until
from relay import MESURA


class Sendmail:
    """The command with the configuration of one relay."""

    def __init__(self, relay):
        self.relay = relay
        self.drop = pathlib.Path(relay.config["drop"])

    def run(self, *words, data=b"Subject: x\n\nhello\n", expect=0, program=(str(MESURA), "sendmail")):
        environment = {**os.environ, "MESURA_CONFIG": str(self.relay.config_path)}
        done = subprocess.run([*program, *words], input=data, capture_output=True, timeout=60, check=False,
                              env=environment)
        assert done.returncode == expect, f"{words}: {done.returncode} {done.stdout} {done.stderr}"
        return (done.stdout + done.stderr).decode(errors="replace")

    def dropped(self):
        return sorted(path.name for path in self.drop.iterdir())


@pytest.fixture
def sendmail(new_relay, new_peer):
    relay, peer = new_relay(), new_peer()
    relay.route("gmail.test", peer.port)
    relay.change(drop=str(relay.folder / "drop"))
    (relay.folder / "drop").mkdir(mode=0o3733)
    (relay.folder / "drop").chmod(0o3733)
    relay.write_config()
    made = Sendmail(relay)
    made.peer = peer
    return made


def one(peer, count=1):
    return wait_until(lambda: (found := peer.taken()) and len(found) >= count and found, 30, f"{count} deliveries")


def test_options(sendmail):
    """Sender, name, recipients of the header, hidden ones, lines, dots: as other sendmails do."""
    sendmail.relay.start()
    sendmail.run("-t", "-i", "-fapp@sender.test", "-F", "The App",
                 data=b"To: Kim <kim@gmail.test>,\n lee@gmail.test\nBcc: mia@gmail.test\nSubject: x\n\none\n.\n..two\n")
    taken = one(sendmail.peer)
    assert {r for m in taken for r in m.recipients} == {"kim@gmail.test", "lee@gmail.test", "mia@gmail.test"}
    assert taken[0].sender == "app@sender.test" and taken[0].body == b"one\r\n.\r\n..two\r\n"
    assert taken[0].field("From") == ['"The App" <app@sender.test>'] and not taken[0].field("Bcc")
    sendmail.run("-f", "app@sender.test", "kim@gmail.test", data=b"From: x@sender.test\r\n\r\nleft\r\n.\r\nnever\r\n")
    taken = one(sendmail.peer, 2)
    assert taken[1].body == b"left\r\n" and taken[1].field("From") == ["x@sender.test"]
    sendmail.run("-oi", "-f", "<>", "--", "kim@gmail.test", data=b"no header at all\n")
    assert one(sendmail.peer, 3)[2].sender == ""
    assert not sendmail.dropped()


def test_any_size(sendmail):
    """Ten megabytes byte for byte, and memory stays small."""
    sendmail.relay.start()
    body = b"".join(b"%07d %s\n" % (i, b"x" * 60) for i in range(150_000))
    sendmail.run("-f", "a@sender.test", "kim@gmail.test", data=b"Subject: big\n\n" + body)
    assert one(sendmail.peer)[0].body == body.replace(b"\n", b"\r\n")


def test_refusals(sendmail):
    """What the relay refuses is said, with sendmail's exit status, and is not kept."""
    sendmail.relay.start()
    assert "5.1.2" in sendmail.run("-f", "a@sender.test", "kim@[127.0.0.1]", expect=67)
    assert "no recipients" in sendmail.run("-t", data=b"Subject: x\n\n", expect=64)
    assert "not understood" in sendmail.run("-q", expect=64)
    assert "no address" in sendmail.run("a@x.test, b@x.test", expect=64)
    assert "5.6.0" in sendmail.run("-f", "a@sender.test", "kim@gmail.test", data=b"a: b\n\n" + b"x" * 2000, expect=69)
    assert not sendmail.dropped() and not sendmail.relay.queue()


def test_speaks_smtp(sendmail):
    """-bs is a session with the relay; without one it is 421."""
    assert "421" in sendmail.run("-bs", expect=75)
    sendmail.relay.start()
    said = sendmail.run("-bs", data=b"EHLO client.test\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<kim@gmail.test>\r\nDATA\r\n"
                                    b"Subject: by -bs\r\n\r\nx\r\n.\r\nQUIT\r\n")
    assert said.startswith("220 ") and "250 2.0.0 queued as" in said and "\n221 " in said
    assert one(sendmail.peer)[0].field("Subject") == ["by -bs"]


def test_other_names(sendmail):
    """A link called sendmail, mailq or newaliases behaves as those do."""
    sendmail.relay.start()
    for name in ("sendmail", "newaliases"):
        (sendmail.relay.folder / name).symlink_to(MESURA)
    sendmail.run("-f", "a@sender.test", "kim@gmail.test", program=(str(sendmail.relay.folder / "sendmail"),))
    one(sendmail.peer)
    sendmail.run(program=(str(sendmail.relay.folder / "newaliases"),))


def test_daemon_is_down(sendmail):
    """Kept, and said; taken up at the start, which is said; each exactly once."""
    for i in range(30):
        said = sendmail.run("-f", "a@sender.test", "-N", "failure", "kim@gmail.test", data=b"Subject: m%d\n\n.x\n" % i)
        assert "is kept in" in said
    assert len(sendmail.dropped()) == 30
    assert {path.stat().st_mode & 0o777 for path in sendmail.drop.iterdir()} == {0o640}
    sendmail.relay.start()
    taken = one(sendmail.peer, 30)
    assert sorted(m.field("Subject")[0] for m in taken) == sorted(f"m{i}" for i in range(30))
    assert taken[0].body == b".x\r\n" and taken[0].sender == "a@sender.test"
    wait_until(lambda: not sendmail.dropped(), 20, "an empty directory")
    assert "that sendmail kept are taken up" in sendmail.relay.stderr()
    sendmail.relay.wait_empty()
    assert len(sendmail.peer.taken()) == 30


def test_no_drop_directory(sendmail):
    """Neither sent nor kept: 75, and it says so."""
    sendmail.drop.rmdir()
    assert "nothing was sent" in sendmail.run("-f", "a@sender.test", "kim@gmail.test", expect=75)


def test_what_others_drop(sendmail):
    """Links, garbage and other files harm nobody: the garbage is set aside, the rest goes on."""
    secret = sendmail.relay.folder / "secret"
    secret.write_text("mesura-drop 1\nfrom a@sender.test\nto kim@gmail.test\n\nSubject: stolen\n\n")
    (sendmail.drop / "a.mail").symlink_to(secret)
    os.link(secret, sendmail.drop / "b.mail")
    (sendmail.drop / "c.mail").write_bytes(os.urandom(5000))
    (sendmail.drop / "d.part").write_text("being written")
    os.mkfifo(sendmail.drop / "e.mail")
    sendmail.run("-f", "a@sender.test", "kim@gmail.test", data=b"Subject: good\n\n")
    sendmail.relay.start()
    assert [m.field("Subject") for m in one(sendmail.peer)] == [["good"]]
    wait_until(lambda: {"b.mail.refused", "c.mail.refused", "e.mail.refused"} <= set(sendmail.dropped()), 20, "set aside")
    assert "d.part" in sendmail.dropped() and secret.exists()
    assert len(sendmail.peer.taken()) == 1
