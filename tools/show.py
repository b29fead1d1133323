#!/usr/bin/env python3
"""The show of tools/demo: one relay, three simulated providers, three promises.

1. A campaign into a provider with a hidden limit is paced: it finds the limit and holds it.
2. A new address never exceeds its day's warm-up allowance.
3. A reply that names a blocklist stops that source at once; other mail goes on.
"""
import datetime
import http.client
import json
import pathlib
import secrets
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
TX, BULK, FRESH = "127.0.0.11", "127.0.0.12", "127.0.0.13"
GMAIL_RATE = 25  # what the provider takes a second and tells nobody
CAMPAIGN = 900
RAMP_CAP = 40
RBL_AFTER = 60

CONFIG = """hostname = "mail.demo.test";
spool = "{folder}/spool";
control = "{folder}/control.sock";
http = {{ address = "127.0.0.1"; port = {http_port}; token_file = "{folder}/token"; }};
listeners = (
  {{ name = "apps";  address = "127.0.0.1"; port = {apps};  stream = "transactional"; trust = [ "127.0.0.0/8" ]; }},
  {{ name = "bulk";  address = "127.0.0.1"; port = {bulk};  stream = "bulk";  trust = [ "127.0.0.0/8" ]; }},
  {{ name = "fresh"; address = "127.0.0.1"; port = {fresh}; stream = "fresh"; trust = [ "127.0.0.0/8" ]; }}
);
sources = (
  {{ name = "tx1";    address = "{tx}";    helo = "tx1.demo.test"; }},
  {{ name = "bulk1";  address = "{bulk_ip}"; helo = "bulk1.demo.test"; }},
  {{ name = "fresh1"; address = "{fresh_ip}"; helo = "fresh1.demo.test"; warmup = "demo"; }}
);
streams = (
  {{ name = "transactional"; sources = [ "tx1" ]; weight = 10; retry = "quick"; }},
  {{ name = "bulk";  sources = [ "bulk1" ];  weight = 1; retry = "quick"; }},
  {{ name = "fresh"; sources = [ "fresh1" ]; weight = 1; retry = "quick"; }}
);
schedules = ( {{ name = "quick"; steps = [ "2s", "5s" ]; factor = 1.5; max = "30s"; }} );
warmups = (
  {{ name = "demo"; start = {cap}; total = {cap}; growth = 1.5; days = 30; per = "source"; window = "{window}";
    preflight = false; }}
);
sites = (
  {{ name = "default"; max_rate = "unlimited"; max_connections = 10; }},
  {{ name = "gmail";   match = [ "gmail.test" ];   max_rate = "200/s"; max_connections = 5; }},
  {{ name = "outlook"; match = [ "outlook.test" ]; max_rate = "200/s"; max_connections = 5; }}
);
adapt = {{ enabled = true; start_rate = "5/s"; pause = "2s"; max_pause = "30s"; }};
delivery = {{ tls = "none"; allow_private_mx = true; }};
queue = {{ low_space = "16M"; reserve = "8M"; }};
routes = (
  {{ domain = "gmail.test";   host = "127.0.0.1"; port = {gmail};   tls = "none"; }},
  {{ domain = "outlook.test"; host = "127.0.0.1"; port = {outlook}; tls = "none"; }},
  {{ domain = "*";            host = "127.0.0.1"; port = {other};   tls = "none"; }}
);
alerts = {{ mail = "postmaster@ops.test"; command = "{folder}/page"; }};
log = {{ file = "{folder}/events.jsonl"; maillog = "{folder}/mail.log"; }};
"""


def free_port(wanted=0):
    """A port on loopback: the wanted one when it is free, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
            except OSError:
                continue
    raise SystemExit("no free port on 127.0.0.1")


class Control(http.client.HTTPConnection):
    """HTTP over the control socket."""

    def __init__(self, path):
        super().__init__("mesura", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


class Show:
    """Everything that runs, and what was promised."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mesura-demo-"))
        self.children = []
        self.broken = []
        self.ports = {}

    def say(self, text=""):
        print(text, flush=True)

    def check(self, good, promise):
        self.say(f"  {'kept  ' if good else 'BROKEN'}  {promise}")
        if not good:
            self.broken.append(promise)

    def run(self, argv, **more):
        child = subprocess.Popen([str(part) for part in argv], stdin=subprocess.DEVNULL, **more)
        self.children.append(child)
        return child

    def wait(self, condition, seconds):
        """Poll until the condition holds; False when it does not in time."""
        end = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > end or any(child.poll() is not None for child in self.children):
                return False
            threading.Event().wait(0.1)
        return value

    def start_providers(self):
        specs = (f"name=gmail,listen=127.0.0.1:0,style=gmail,rate={GMAIL_RATE}/s,burst={GMAIL_RATE},latency_dot=5ms-20ms",
                 f"name=outlook,listen=127.0.0.1:0,style=outlook,rbl_after_messages={RBL_AFTER},rbl_source={BULK}",
                 "name=other,listen=127.0.0.1:0")
        arguments = [part for spec in specs for part in ("--provider", spec)]
        child = self.run([BUILD / "tools" / "mesura-receiver", "--stats_file", self.folder / "stats.json", *arguments],
                         stdout=subprocess.PIPE, text=True)
        for entry in json.loads(child.stdout.readline())["listening"]:
            self.ports[entry["name"]] = int(entry["address"].rsplit(":", 1)[1])

    def start_relay(self):
        self.ports.update(http=free_port(8025), apps=free_port(), bulk=free_port(), fresh=free_port())
        self.token = secrets.token_urlsafe(18)
        (self.folder / "token").write_text(self.token + "\n")
        (self.folder / "token").chmod(0o600)
        (self.folder / "spool").mkdir()
        page = self.folder / "page"
        page.write_text(f'#!/bin/sh\necho "$MESURA_EVENT $MESURA_SOURCE: $MESURA_TEXT" >> {self.folder}/pages\n')
        page.chmod(0o755)
        # The allowance of a day is spread over a window; a window of minutes makes a short day.
        now = datetime.datetime.now(datetime.timezone.utc)
        window = f"{now:%H:%M}-{now + datetime.timedelta(minutes=3):%H:%M}"
        (self.folder / "mesura.conf").write_text(CONFIG.format(
            folder=self.folder, http_port=self.ports["http"], apps=self.ports["apps"], bulk=self.ports["bulk"],
            fresh=self.ports["fresh"], gmail=self.ports["gmail"], outlook=self.ports["outlook"],
            other=self.ports["other"], tx=TX, bulk_ip=BULK, fresh_ip=FRESH, cap=RAMP_CAP, window=window))
        with (self.folder / "stderr").open("w") as stderr:
            self.relay = self.run([BUILD / "relay" / "mesurad", "-c", self.folder / "mesura.conf"], stderr=stderr)
        if not self.wait(self.is_up, 30):
            raise SystemExit(f"the relay does not start:\n{(self.folder / 'stderr').read_text()}")

    def is_up(self):
        try:
            return self.get("/v1/status")
        except (OSError, http.client.HTTPException):
            return None

    def get(self, path):
        connection = Control(str(self.folder / "control.sock"))
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def mesura(self, *words):
        """Run the operator's command and show what it prints."""
        self.say(f"\n  $ mesura {' '.join(words)}")
        done = subprocess.run([BUILD / "tools" / "mesura", *words, "--socket", self.folder / "control.sock"],
                              capture_output=True, text=True, timeout=30, check=False)
        for line in (done.stdout + done.stderr).splitlines():
            self.say("    " + line)
        self.say()

    def submit(self, listener, domain, count, subject):
        """Hand over many messages in one session, as an application does."""
        with smtplib.SMTP("127.0.0.1", self.ports[listener], "app.demo.test", timeout=60) as client:
            for number in range(count):
                client.sendmail("news@demo.test", [f"reader{number}@{domain}"], (
                    f"From: news@demo.test\r\nTo: reader{number}@{domain}\r\nSubject: {subject} {number}\r\n\r\n"
                    "Hello.\r\n").encode())

    def taken(self, provider, source, key="accepted"):
        """What a provider counted from one address."""
        try:
            stats = json.loads((self.folder / "stats.json").read_text())
        except (OSError, ValueError):
            return 0
        entry = next(entry for entry in stats["providers"] if entry["name"] == provider)
        return entry["sources"].get(source, {}).get(key, 0)

    def campaign(self):
        self.say(f"\n1. A campaign of {CAMPAIGN} messages. gmail.test takes {GMAIL_RATE} a second and tells nobody.\n")
        self.submit("bulk", "gmail.test", CAMPAIGN, "Spring offers")
        self.say(f"  all {CAMPAIGN} accepted and on disk; now they leave at the pace that the answers allow")

        def look():
            lanes = self.get("/v1/lanes")["lanes"]
            return next((lane for lane in lanes if lane["source"] == "bulk1" and lane["site"] == "gmail"), None)

        last = 0.0
        end = time.monotonic() + 120
        while self.taken("gmail", BULK) < CAMPAIGN and time.monotonic() < end and self.relay.poll() is None:
            lane = look()
            if lane and time.monotonic() - last >= 4:
                last = time.monotonic()
                ceiling = lane["ceiling_per_second"]
                self.say(f"  {lane['phase']:9} allowed {lane['allowed_per_second']:6.1f}/s   "
                         f"delivered {lane['delivered']:4}   deferred {lane['retried']:3}"
                         + (f"   learnt ceiling {ceiling:.1f}/s" if ceiling else ""))
            threading.Event().wait(0.2)
        deferred = self.taken("gmail", BULK, "deferred")
        self.check(self.wait(lambda: self.taken("gmail", BULK) == CAMPAIGN, 10),
                   f"every message arrived ({self.taken('gmail', BULK)} of {CAMPAIGN})")
        self.check(self.taken("gmail", BULK, "duplicates") == 0, "none arrived twice")
        self.check(deferred <= CAMPAIGN // 10, f"the provider had to refuse {deferred} attempts, no more than a tenth")
        self.mesura("lanes")

    def warmup(self):
        self.say(f"\n2. fresh1 is a new address: {RAMP_CAP} messages on its first day. It is given {3 * RAMP_CAP}.\n")
        self.submit("fresh", "warm.test", 3 * RAMP_CAP, "Welcome")
        worst = 0
        for _ in range(10):
            threading.Event().wait(2)
            worst = max(worst, self.taken("other", FRESH))
            row = next((row for row in self.get("/v1/warmup")["warmup"] if row["source"] == "fresh1"), None)
            if row is None:
                break
            self.say(f"  sent {row['sent']:3}   released so far {row['released']:3}   of today's {row['cap']}   "
                     f"waiting {row['waiting']}")
        self.check(0 < worst <= RAMP_CAP, f"the receiver has had {worst} from it, at most {RAMP_CAP}, spread over the day")
        self.check(self.get("/v1/status")["bounced"] == 0, "what is beyond the cap waits; nothing was returned")
        self.mesura("warmup")

    def listing(self):
        self.say("\n3. outlook.test finds bulk1 on a blocklist. Invoices leave from tx1 all the while.\n")
        self.submit("bulk", "outlook.test", 2 * RBL_AFTER, "Summer offers")
        stopped = self.wait(lambda: self.get("/v1/blocks")["blocks"], 60)
        self.check(bool(stopped), "the source stopped by itself")
        self.say(f"  the reply: {stopped[0]['reply'] if stopped else '(none)'}")
        threading.Event().wait(1.5)
        attempts = self.taken("outlook", BULK, "attempts")
        self.submit("apps", "outlook.test", 20, "Invoice")
        self.check(self.wait(lambda: self.taken("outlook", TX) == 20, 30), "20 invoices arrived from tx1 meanwhile")
        threading.Event().wait(1.5)
        self.check(self.taken("outlook", BULK, "attempts") == attempts, "not one more attempt from the stopped source")
        self.check(self.get("/v1/status")["queued"] > 0, "its mail waits, held and not returned")
        pages = self.folder / "pages"
        self.check(self.wait(pages.exists, 10), "the operator was told")
        self.say(f"  the alert: {pages.read_text().strip().splitlines()[0] if pages.exists() else '(none)'}")
        self.mesura("status")

    def leave_running(self):
        self.say(f"""Relay and dashboard go on until Ctrl-C:
  dashboard    http://127.0.0.1:{self.ports['http']}/#token={self.token}
  commands     MESURA_SOCKET={self.folder}/control.sock {BUILD}/tools/mesura status
  lift the stop                 {BUILD}/tools/mesura blocks clear bulk1 --socket {self.folder}/control.sock
  submit mail  127.0.0.1:{self.ports['apps']} (transactional), :{self.ports['bulk']} (bulk), :{self.ports['fresh']} (new address)
""")
        try:
            self.relay.wait()
        except KeyboardInterrupt:
            self.say("\nended")

    def end(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.children:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    show = Show()
    try:
        show.start_providers()
        show.start_relay()
        show.say(f"a relay, three providers; watch it at http://127.0.0.1:{show.ports['http']}/#token={show.token}")
        show.campaign()
        show.warmup()
        show.listing()
        show.say(f"{'All promises were kept.' if not show.broken else str(len(show.broken)) + ' promises were broken.'}\n")
        if sys.argv[1:] != ["--once"]:
            show.leave_running()
    except KeyboardInterrupt:
        show.say("\nended")
    finally:
        show.end()
    sys.exit(1 if show.broken else 0)


if __name__ == "__main__":
    main()
