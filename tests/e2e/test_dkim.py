"""Keys made and changed by the operator, and what foreign verifiers say of our signatures."""
import datetime
import json
import re
import smtplib
import subprocess
import threading

import dkim
import pytest
from mail import message, send
from patience import wait_until


@pytest.fixture
def keys(new_relay, tmp_path):
    """Make keys with the operator's command; the records as a name server would have them."""
    relay = new_relay()
    records = {}

    def make(selector, *options, command="new", old=()):
        said = json.loads(relay.cli("dkim", command, "sender.test", *old, selector, "--dir", str(tmp_path), *options,
                                    "--json"))
        records[said["name"].encode() + b"."] = said["record"].encode()
        return {"domain": "sender.test", "selector": selector, "key": said["key"]}

    make.records = records
    make.relay = relay
    return make


def verify(data, records, index=0):
    return dkim.DKIM(data).verify(idx=index, dnsfunc=lambda name, timeout=5: records.get(name))


def selectors(data):
    head = data.split(b"\r\n\r\n")[0].decode(errors="replace")
    return re.findall(r"DKIM-Signature:(?:[^\r]|\r\n[ \t])*?\bs=([a-z0-9]+)", head)


def test_made_and_signed(keys, new_peer, tmp_path):
    """RSA and Ed25519 keys made by the command sign, and dkimpy and OpenDKIM verify; the files are private."""
    relay, peer = keys.relay, new_peer()
    relay.route("gmail.test", peer.port)
    relay.config["dkim"] = [keys("r1"), keys("e1", "--type", "ed25519")]
    assert (tmp_path / "sender.test.r1.pem").stat().st_mode & 0o777 == 0o600
    relay.cli("dkim", "new", "sender.test", "r1", "--dir", str(tmp_path), expect=1)  # never overwritten
    zone = relay.cli("dkim", "record", "sender.test", "r1", "--dir", str(tmp_path))
    assert zone.startswith("r1._domainkey.sender.test. IN TXT (") and all(len(s) <= 255 for s in re.findall(r'"([^"]*)"', zone))
    assert "".join(re.findall(r'"([^"]*)"', zone)).encode() == keys.records[b"r1._domainkey.sender.test."]
    relay.start()
    send(relay, ["kim@gmail.test"], message(body=b"one  two \r\n\r\n.dot\r\n\r\n\r\n"))
    data = wait_until(peer.taken, 20, "the message")[0].data
    assert sorted(selectors(data)) == ["e1", "r1"]
    assert verify(data, keys.records, 0) and verify(data, keys.records, 1)
    (tmp_path / "keyfile").write_text("")
    public = tmp_path / "public"
    public.write_text("r1._domainkey.sender.test " + keys.records[b"r1._domainkey.sender.test."].decode() + "\n")
    config = tmp_path / "opendkim.conf"
    config.write_text(f"TestPublicKeys {public}\nMode v\n")
    done = subprocess.run(["opendkim", "-x", str(config), "-t", "/dev/stdin"], input=data, capture_output=True, timeout=60,
                          check=False)
    assert b"verification (s=r1" in done.stdout + done.stderr and b"succeeded" in done.stdout + done.stderr, done


def test_rotation(keys, new_peer):
    """Two keys change places by the clock, and a reload under load costs no message and no signature."""
    relay, peer = keys.relay, new_peer()
    relay.route("gmail.test", peer.port)
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    old, new = keys("s1"), keys("s2", command="rotate", old=("s1",))
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    relay.config["dkim"] = [{**old, "ends": (now + hour).strftime(stamp)}, {**new, "begins": (now + hour).strftime(stamp)}]
    relay.start()
    send(relay, ["kim@gmail.test"])
    assert selectors(wait_until(peer.taken, 20, "the first")[0].data) == ["s1"]
    relay.config["dkim"] = [{**old, "ends": (now - hour).strftime(stamp)}, {**new, "begins": (now - hour).strftime(stamp)}]
    relay.write_config()
    stop = threading.Event()
    sent = []

    def load():
        while not stop.is_set():
            send(relay, ["kim@gmail.test"], message(subject=str(len(sent))))
            sent.append(1)

    thread = threading.Thread(target=load)
    thread.start()
    for _ in range(5):
        relay.cli("reload")
    wait_until(lambda: len(sent) > 20, 30, "some mail")
    stop.set()
    thread.join()
    send(relay, ["kim@gmail.test"], message(subject="last"))
    relay.wait_empty()
    taken = peer.taken()
    assert len(taken) == len(sent) + 2
    assert all(len(selectors(item.data)) == 1 and verify(item.data, keys.records) for item in taken)
    assert selectors(taken[-1].data) == ["s2"]


def test_unsigned_is_refused(keys, new_peer):
    """A stream that must be signed takes no mail that no key signs; a notice of our own is signed too."""
    relay, peer = keys.relay, new_peer(lambda stage, *_: "550 5.1.1 no such user" if stage == "RCPT" else None)
    home = new_peer()
    relay.route("gmail.test", peer.port)
    relay.route("sender.test", home.port)
    own = json.loads(relay.cli("dkim", "new", "relay.test", "own", "--dir", str(relay.folder), "--json"))
    keys.records[own["name"].encode() + b"."] = own["record"].encode()
    relay.config["dkim"] = [keys("s1"), {"domain": "relay.test", "selector": "own", "key": own["key"]}]
    relay.set_in("streams", "transactional", signed="must")
    relay.start()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(relay, ["kim@gmail.test"], message(sender="app@elsewhere.test"))
    assert refused.value.smtp_code == 550 and b"no key signs for From domain elsewhere.test" in refused.value.smtp_error
    send(relay, ["kim@gmail.test"], message())
    notice = wait_until(home.taken, 20, "the notice")[0]
    assert selectors(notice.data) == ["own"] and verify(notice.data, keys.records)
    send(relay, ["kim@gmail.test"], message(sender="app@elsewhere.test"), listener="bulk")
