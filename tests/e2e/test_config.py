"""The configuration: mistakes are found before anything starts; a reload loses nothing."""
import re
import signal
import subprocess

import pytest
from mail import Raw, message, send
from patience import stays_true, wait_until
from relay import MESURAD, ROOT, check_config

MISTAKES = '''hostname = "relay.test";
spool = 17;
wrokers = 2;
listeners = (
  { name = "a"; address = "127.0.0.1"; port = 99999; trust = [ "127.0.0.0/8" ]; },
  { name = "b"; address = "nonsense"; port = 2525; trust = [ "127.0.0.0/8" ]; },
  { name = "c"; address = "127.0.0.1"; port = 2526; }
);
sources = ( { name = "s1"; address = "127.0.0.11"; } );
streams = (
  { name = "transactional"; sources = [ "s1", "gone" ]; lifetime = "3 parsecs"; }
);
sites = ( { name = "default"; max_rate = "fast"; } );
'''


def test_every_mistake_in_one_pass(tmp_path):
    """Each is told with file and line and with what would be right; nothing starts."""
    status, words, path = check_config(MISTAKES, tmp_path)
    assert status == 1
    lines = {int(number) for number in re.findall(rf"^{re.escape(str(path))}:(\d+): ", words, re.M)}
    assert {2, 3, 5, 6, 7, 11, 13} <= lines, words
    assert "workers" in words, "the nearest known key is suggested"
    assert "gone" in words
    started = subprocess.run([str(MESURAD), "-c", str(path)], capture_output=True, text=True, timeout=30, check=False)
    assert started.returncode == 1 and str(path) in started.stderr
    assert sorted(item.name for item in tmp_path.iterdir()) == ["tried.conf"], "nothing was made"


@pytest.mark.parametrize("text, line", [
    ("", 0), ("hostname = ", 1), ("hostname = \"a.test\"\nspool = {", 2), ("\0\1\2", 1), ("hostname = \"a.test\";" * 2, 1),
])
def test_files_that_do_not_parse(tmp_path, text, line):
    """Broken syntax is told with its line."""
    status, words, path = check_config(text, tmp_path)
    assert status == 1 and str(path) in words
    assert line == 0 or re.search(rf"{re.escape(str(path))}:\d+: ", words), words


def test_missing_file(tmp_path):
    """A file that is not there is an error with its name."""
    done = subprocess.run([str(MESURAD), "-t", "-c", str(tmp_path / "none.conf")], capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 1 and "none.conf" in done.stderr


def test_hostname_alone_is_enough(tmp_path):
    """Every key has a default but hostname."""
    status, words, _ = check_config('hostname = "relay.test";\n', tmp_path)
    assert status == 0, words
    status, words, _ = check_config('workers = 1;\n', tmp_path)
    assert status == 1 and "hostname" in words


def test_shipped_file_is_right(tmp_path):
    """conf/mesura.conf passes as it is, and so does the program's version."""
    done = subprocess.run([str(MESURAD), "-t", "-c", str(ROOT / "conf" / "mesura.conf")], capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    version = subprocess.run([str(MESURAD), "-V"], capture_output=True, text=True, timeout=30, check=False)
    assert version.returncode == 0 and re.search(r"\d+\.\d+", version.stdout)


def test_reload_applies(rig):
    """SIGHUP and `mesura reload` apply a new file; open connections live on."""
    relay, peer = rig
    send(relay, "kim@gmail.test")
    wait_until(peer.taken, 20, "a site to look at")
    with Raw(relay) as client:
        client.greet()
        client.envelope("kim@gmail.test")
        for limit, how in ((3, "signal"), (7, "command")):
            relay.config["sites"][0]["max_rate"] = f"{limit}/s"
            relay.write_config()
            if how == "signal":
                relay.process.send_signal(signal.SIGHUP)
            else:
                relay.cli("reload")
            wait_until(lambda limit=limit: any(site["set_per_second"] == limit for site in relay.status()["sites"]), 20,
                       "the new limit")
        client.send(message() + b".\r\n")
        assert client.reply().startswith("250")
    wait_until(lambda: len(peer.taken()) == 2, 20, "the message that was under way")


def test_bad_reload_changes_nothing(rig):
    """Every mistake is printed, the exit status is 1, and the old file stays in force."""
    relay, peer = rig
    relay.config["sites"][0]["max_rate"] = "fast"
    relay.config["nonsense"] = 1
    relay.write_config()
    status, document = relay.http("POST", "/v1/reload", {})
    assert status == 409 and len(document["notes"]) >= 2, document
    assert sum(str(relay.config_path) in note for note in document["notes"]) >= 2
    relay.cli("reload", expect=1)
    send(relay, "kim@gmail.test")
    wait_until(peer.taken, 20, "mail under the old file")
    relay.process.send_signal(signal.SIGHUP)
    stays_true(lambda: relay.process.poll() is None, 1, "alive")


def test_what_cannot_change_is_said(rig):
    """Spool, workers and hostname need a restart; a reload says so."""
    relay, _ = rig
    relay.config["workers"] = relay.config["workers"] + 1
    relay.write_config()
    status, document = relay.http("POST", "/v1/reload", {})
    assert "workers" in str(document), (status, document)


def test_reload_keeps_a_source_with_mail(new_relay, new_peer):
    """A source that still has mail is not dropped by a file without it."""
    relay = new_relay()
    peer = new_peer(lambda stage, *_: "451 4.3.0 later" if stage == "RCPT" else None)
    relay.route("gmail.test", peer.port)
    relay.start()
    send(relay, "kim@gmail.test", listener="bulk")
    relay.wait_events("deferred")
    relay.config["sources"][1] = {"name": "bulk2", "address": "127.0.0.13", "helo": "bulk2.relay.test"}
    relay.set_in("streams", "bulk", sources=["bulk2"])
    relay.write_config()
    status, document = relay.http("POST", "/v1/reload", {})
    assert status == 409 and "bulk1" in str(document), document
    assert len(relay.queue("?stream=bulk")) == 1


def test_second_daemon_on_the_same_spool(rig):
    """Two daemons on one queue would be the end of it: the second does not start."""
    relay, _ = rig
    done = subprocess.run([str(MESURAD), "-c", str(relay.config_path)], capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode != 0 and done.stderr
    assert relay.status()["phase"] == "running"
