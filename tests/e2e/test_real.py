"""Servers that others wrote: Postfix, its smtp-sink, and our own simulated providers."""
import base64
import json
import mailbox
import os
import pathlib
import pwd
import random
import shutil
import signal
import subprocess

import pytest
from mail import message, send
from patience import wait_until
from relay import BUILD, free_port

RECEIVER = BUILD / "tools" / "mesura-receiver"
MAIN_CF = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = {owner}
setgid_group = {group}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.test
mydestination =
virtual_mailbox_domains = gmail.test
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
message_size_limit = 104857600
virtual_mailbox_limit = 0
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}
"""


@pytest.fixture
def postfix(tmp_path_factory):
    """A Postfix of the test's own that delivers to a Maildir; its port and that Maildir."""
    assert os.getuid() == 0, "Postfix starts as root only"
    folder = pathlib.Path(subprocess.run(["mktemp", "-d", "/tmp/postfix-e2e.XXXXXX"], capture_output=True, text=True,
                                         check=True).stdout.strip())
    folder.chmod(0o755)
    owner = pwd.getpwnam("postfix")
    port = free_port()
    for name in ("etc", "queue", "data", "boxes", "log"):
        (folder / name).mkdir()
    for name in ("data", "boxes"):
        os.chown(folder / name, owner.pw_uid, owner.pw_gid)
    (folder / "etc" / "main.cf").write_text(MAIN_CF.format(folder=folder, owner="postfix", group="postdrop",
                                                           uid=owner.pw_uid, gid=owner.pw_gid))
    master = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text()
    lines = [line for line in master.splitlines() if not line.startswith("smtp      inet")]
    lines = [line.replace("       y       ", "       n       ", 1) if "unix" in line or "fifo" in line else line
             for line in lines]
    lines.append(f"127.0.0.1:{port} inet n - n - - smtpd")
    (folder / "etc" / "master.cf").write_text("\n".join(lines) + "\n")
    subprocess.run(["postfix", "-c", folder / "etc", "start"], check=True, capture_output=True, timeout=60)
    yield port, folder / "boxes" / "all"
    subprocess.run(["postfix", "-c", folder / "etc", "stop"], check=False, capture_output=True, timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


def test_postfix_receives(new_relay, postfix):
    """A real Postfix delivers to a Maildir what we handed over, byte for byte."""
    port, box = postfix
    relay = new_relay()
    relay.route("gmail.test", port)
    relay.start()
    bodies = {
        "dots": b".\r\n..\r\n.x\r\n", "utf8": "Grüße\r\n".encode(), "empty": b"",
        "long": b"l" * 998 + b"\r\n",
        "large": base64.encodebytes(random.Random(3).randbytes(15 << 20)).replace(b"\n", b"\r\n"),
    }
    for name, body in bodies.items():
        send(relay, "kim@gmail.test", message(subject=name, body=body), options=["BODY=8BITMIME"])
    relay.wait_empty(120)
    found = wait_until(lambda: (len(m := mailbox.Maildir(box)) == len(bodies)) and m, 60, "all in the Maildir")
    for key in found.keys():
        raw = found.get_bytes(key)
        header, body = raw.split(b"\n\n", 1)
        name = next(line[9:].decode() for line in header.split(b"\n") if line.startswith(b"Subject: "))
        assert body == bodies[name].replace(b"\r\n", b"\n"), name


def test_smtp_sink_receives(new_relay):
    """smtp-sink takes a thousand messages over pipelined, reused connections."""
    port = free_port()
    user = ["-u", "postfix"] if os.getuid() == 0 else []
    sink = subprocess.Popen(["smtp-sink", *user, "-c", f"127.0.0.1:{port}", "500"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    try:
        relay = new_relay()
        relay.route("gmail.test", port)
        relay.start()
        subprocess.run(["smtp-source", "-s", "20", "-m", "1000", "-l", "4096", "-f", "app@sender.test", "-t",
                        "kim@gmail.test", f"127.0.0.1:{relay.ports['apps']}"], check=True, timeout=120)
        relay.wait_empty(120)
        assert relay.status()["delivered"] == 1000
        assert len(relay.wait_events("delivered", 1000)) == 1000
    finally:
        sink.terminate()
        sink.wait()


def test_simulated_provider(new_relay, tmp_path):
    """A provider that hides a limit: the adaptive control finds it, everything arrives once."""
    stats = tmp_path / "stats.json"
    provider = subprocess.Popen([str(RECEIVER), "--stats_file", str(stats), "--provider",
                                 "name=gmail,listen=127.0.0.1:0,style=gmail,rate=20/s,burst=5"],
                                stdout=subprocess.PIPE, text=True)
    try:
        address = json.loads(provider.stdout.readline())["listening"][0]["address"]
        port = int(address.rsplit(":", 1)[1])
        relay = new_relay(adapt={"enabled": True, "start_rate": "10/s", "pause": "1s", "max_pause": "10s"})
        relay.route("gmail.test", port)
        relay.start()
        for number in range(100):
            send(relay, "kim@gmail.test", message(subject=str(number)))
        relay.wait_empty(120)
        assert relay.status()["delivered"] == 100
        lane = relay.get("/v1/lanes")["lanes"][0]
        assert lane["delivered"] == 100
        assert len(relay.events("deferred")) < 40, "it does not hammer"
    finally:
        provider.send_signal(signal.SIGTERM)
        provider.communicate(timeout=30)
