#!/usr/bin/env python3
"""The operator's command against a stand-in for the daemon: test_mesura.py MESURA.

What it asks, what it prints, and how it ends; no daemon is needed.
"""
import http.server
import json
import os
import pathlib
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ""
SINCE = 1_790_000_000_000

ROW = {"id": "ID1", "sender": "app@x.test", "recipient": "kim@y.test", "domain": "y.test", "site": "y", "source": "tx1",
       "stream": "transactional", "user": "", "client": "10.0.0.7", "job": "", "subject": "Hello", "state": "deferred",
       "priority": 5, "attempts": 2, "size_bytes": 2048, "accepted_unix_ms": SINCE, "next_unix_ms": None,
       "expires_unix_ms": SINCE, "gate": "backoff", "reply": "450 4.2.0 \x1b[31mlater", "class": "greylist",
       "held_by": ""}
STATUS = {
    "hostname": "mail.x.test", "version": "1", "phase": "running", "refusing": "the disk is full",
    "started_unix_ms": SINCE, "oldest_unix_ms": SINCE, "queued": 1234567, "ready": 1, "active": 2, "deferred": 3,
    "held": 4, "accepted": 5, "delivered": 6, "retried": 7, "bounced": 8, "expired": 9,
    "waits": [{"gate": "source stop", "subject": "source bulk1", "sentence": "bulk1 is listed", "recipients": 1200,
               "since_unix_ms": SINCE, "opens_unix_ms": None}],
    "streams": [{"name": "bulk", "state": "frozen", "reason": "by kim", "sources": ["b1", "b2"], "walled": False}],
    "sources": [{"name": "b1", "state": "stopped", "address": "10.0.0.1", "public_address": "192.0.2.1",
                 "streams": ["bulk"], "rate_per_second": 0.5}],
    "sites": [{"name": "google", "state": "moving", "rate_per_second": 12, "set_per_second": 0,
               "deferral_share": 0.012}],
    "blocks": [{"source": "b1", "site": "", "sentence": "listed", "reply": "554 blocked using bl.example",
                "recipients": 12, "since_unix_ms": SINCE, "probe_unix_ms": None}],
    "freezes": [{"kind": "stream", "name": "bulk", "why": "odd numbers", "by": "operator kim (uid 7)",
                 "since_unix_ms": SINCE, "until_unix_ms": None}],
    "warmup": [{"source": "b1", "site": "", "state": "running", "ramp": "standard", "day": 3, "cap": 200, "sent": 20}],
}
ANSWERS = {
    "/v1/status": (200, STATUS),
    "/v1/streams": (200, {"streams": STATUS["streams"]}),
    "/v1/sources": (200, {"sources": STATUS["sources"]}),
    "/v1/sites": (200, {"sites": STATUS["sites"]}),
    "/v1/lanes": (200, {"lanes": [{"source": "b1", "site": "google", "phase": "paused", "window": 3}]}),
    "/v1/blocks": (200, {"blocks": STATUS["blocks"], "freezes": STATUS["freezes"]}),
    "/v1/warmup": (200, {"warmup": STATUS["warmup"]}),
    "/v1/journal?since=2h": (200, {"journal": [{"unix_ms": SINCE, "actor": "learnt", "kind": "rate", "before": "20/s",
                                               "after": "10/s", "evidence": "421 too fast"}]}),
    "/v1/queue?limit=500": (200, {"recipients": [ROW], "cursor": "c2"}),
    "/v1/queue?limit=500&cursor=c2": (200, {"recipients": [{**ROW, "recipient": "lee@y.test"},
                                                          {**ROW, "id": "ID2", "state": "held", "held_by": "audit"}]}),
    "/v1/queue?domain=none.test&limit=500": (200, {"recipients": []}),
    "/v1/queue/ID1": (200, {**ROW, "recipients": [ROW], "attempts": [
        {"recipient": "kim@y.test", "outcome": "deferred", "reply": "450 4.2.0 later", "class": "greylist",
         "scope": "recipient", "start_unix_ms": SINCE, "took_ms": 1500}]}),
    "/v1/queue/a%2Fb": (404, {"error": "no message a/b"}),
    "/v1/why/kim%40y.test": (200, {"paths": [{"subject": "kim@y.test", "holds": "backoff", "sentence": "greylisted",
                                              "gates": [{"name": "freeze", "state": "open"},
                                                        {"name": "backoff", "state": "closed", "value": "2",
                                                         "limit": "3", "owner": "retry quick", "reply": "450 later"},
                                                        {"name": "rate", "state": "not asked"}]}]}),
    "/v1/why/nobody": (200, {"paths": []}),
    "/v1/freeze": (200, {"text": "stream bulk is frozen"}),
    "/v1/thaw": (404, {"error": "stream bulk is not frozen"}),
    "/v1/blocks/clear": (200, {"count": 1}),
    "/v1/blocks/extend": (200, {"count": 1}),
    "/v1/blocks/pin": (200, {"count": 1}),
    "/v1/queue/hold": (200, {"count": 3}),
    "/v1/queue/bounce": (200, {"count": 0}),
    "/v1/queue/retry": (400, {"error": "no selector"}),
    "/v1/reload": (409, {"error": "the file is bad", "notes": ["mesura.conf:3: what is this?"]}),
    "/v1/drain": (200, {"text": "draining"}),
    "/v1/queue/release": (403, {"error": "not you"}),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from the table and keeps what was asked."""

    def answer(self, body):
        self.server.asked.append((self.command, self.path, json.loads(body) if body else None))
        status, document = ANSWERS.get(self.path, (404, {"error": "there is no such path"}))
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingUnixStreamServer):
    """The stand-in."""
    daemon_threads = True

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("client", 0)


class Command(unittest.TestCase):
    """Each test runs the real program."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "s")
        self.server = Server(self.path, Handler)
        self.server.asked = []
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def tearDown(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.folder.cleanup()

    def run_it(self, *words, expect=0, program=PROGRAM, stdin=""):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=30, check=False, input=stdin,
                              env={**os.environ, "MESURA_SOCKET": self.path})
        self.assertEqual(done.returncode, expect, f"{words}\n{done.stdout}\n{done.stderr}")
        return done

    def test_status(self):
        """One screen says what waits, what is stopped, and what to type."""
        text = self.run_it("status").stdout
        for words in ("mail.x.test", "1,234,567", "NEW MAIL IS REFUSED: the disk is full", "bulk1 is listed",
                      "554 blocked using bl.example", "mesura blocks clear b1", "odd numbers", "not walled",
                      "10.0.0.1 as 192.0.2.1", "12/s", "no limit", "1.2 %", "standard"):
            self.assertIn(words, text)

    def test_json(self):
        """--json, before or behind the command, prints the daemon's document."""
        for words in (("status", "--json"), ("--json", "status")):
            self.assertEqual(json.loads(self.run_it(*words).stdout), STATUS)

    def test_tables(self):
        """Each table prints its rows."""
        for command, words in (("streams", "bulk"), ("sources", "b1"), ("sites", "google"), ("lanes", "paused"),
                               ("blocks", "listed"), ("warmup", "standard")):
            self.assertIn(words, self.run_it(command).stdout)
        self.assertIn("421 too fast", self.run_it("journal", "--since", "2h").stdout)

    def test_warmup_of_one_source(self):
        """A name chooses; a name without ramp is nothing found."""
        self.run_it("warmup", "b1")
        self.run_it("warmup", "b9", expect=1)

    def test_queue_pages(self):
        """All pages are fetched, each row once; remote text is harmless on a terminal."""
        text = self.run_it("queue").stdout
        self.assertEqual(text.count("ID1"), 2)
        self.assertEqual(text.count("ID2"), 1)
        self.assertNotIn("\x1b", text)
        self.assertEqual(len(json.loads(self.run_it("queue", "--json").stdout)["recipients"]), 3)

    def test_nothing_matches(self):
        """A selector that meets nothing ends with 1."""
        self.assertIn("nothing matches", self.run_it("queue", "--domain=none.test", expect=1).stdout)

    def test_show(self):
        """Every attempt with its reply and meaning; an unknown id ends with 1."""
        text = self.run_it("queue", "show", "ID1").stdout
        self.assertIn("450 4.2.0 later", text)
        self.assertIn("means: greylist, scope recipient", text)
        self.assertIn("no message a/b", self.run_it("queue", "show", "a/b", expect=1).stderr)

    def test_why(self):
        """The gates in order with the one that holds; nothing about the subject ends with 1."""
        lines = self.run_it("why", "kim@y.test").stdout.splitlines()
        marks = [line.split()[0] for line in lines[2:] if line.startswith(("  go", "  HOLD", "    -"))]
        self.assertEqual(marks, ["go", "HOLD", "-"])
        self.assertIn("because of: 450 later", "\n".join(lines))
        self.run_it("why", "nobody", expect=1)

    def test_actions(self):
        """What is asked is what was typed, and the end follows from the answer."""
        self.assertIn("frozen", self.run_it("freeze", "stream", "bulk", "--for", "2h", "--why", "odd").stdout)
        self.run_it("thaw", "stream", "bulk", expect=1)
        self.run_it("blocks", "clear", "b1", "google")
        self.run_it("blocks", "extend", "b1", "--for", "12h", "--why", "not sure")
        self.run_it("blocks", "pin", "b1", "google", "--why", "we ask them")
        self.assertIn("3 recipients held", self.run_it("queue", "hold", "--stream", "bulk", "--why", "x").stdout)
        self.run_it("queue", "bounce", "--id", "X", expect=1)
        self.run_it("queue", "retry", expect=2)
        self.run_it("queue", "release", "--all", expect=77)
        done = self.run_it("reload", expect=1)
        self.assertIn("mesura.conf:3: what is this?", done.stderr)
        self.run_it("drain", "--off")
        self.assertEqual(self.server.asked, [
            ("POST", "/v1/freeze", {"kind": "stream", "name": "bulk", "for": "2h", "why": "odd"}),
            ("POST", "/v1/thaw", {"kind": "stream", "name": "bulk"}),
            ("POST", "/v1/blocks/clear", {"source": "b1", "site": "google"}),
            ("POST", "/v1/blocks/extend", {"source": "b1", "for": "12h", "why": "not sure"}),
            ("POST", "/v1/blocks/pin", {"source": "b1", "site": "google", "why": "we ask them"}),
            ("POST", "/v1/queue/hold", {"stream": "bulk", "why": "x"}),
            ("POST", "/v1/queue/bounce", {"id": "X"}),
            ("POST", "/v1/queue/retry", {}),
            ("POST", "/v1/queue/release", {"all": "true"}),
            ("POST", "/v1/reload", {}),
            ("POST", "/v1/drain", {"on": "false"}),
        ])

    def test_usage(self):
        """Nonsense ends with 2, before anything is asked."""
        for words in ((), ("nonsense",), ("freeze",), ("freeze", "stream"), ("queue", "--colour", "red"),
                      ("queue", "--domain"), ("queue", "--domain="), ("why",), ("why", "a", "b"), ("help", "nonsense"),
                      ("queue", "--domain", "a", "--domain", "b"), ("-c", "x", "status"), ("status", "extra"), ("queue", "show", "--all")):
            self.run_it(*words, expect=2)
        self.assertEqual(self.server.asked, [])

    def test_help(self):
        """Every command has its help."""
        text = self.run_it("help").stdout
        for command in ("status", "queue", "why", "freeze", "thaw", "blocks", "streams", "sources", "sites", "lanes",
                        "warmup", "journal", "reload", "drain", "classify", "top"):
            self.assertIn(f"\n  {command}", text)
            self.assertIn(f"mesura {command}", self.run_it("help", command).stdout)
        self.run_it("--help")
        self.run_it("queue", "--help")
        self.assertIn("mesura ", self.run_it("--version").stdout)

    def test_unreachable(self):
        """No daemon, and something that is none: 69."""
        self.run_it("status", "--socket", self.path + "x", expect=69)
        self.run_it("status", "--socket", "/dev/null", expect=69)
        self.run_it("status", "--socket", "/" + "x" * 200, expect=69)

    def test_mailq(self):
        """By Postfix's name the queue looks like Postfix's."""
        for name in ("mailq", "newaliases"):
            pathlib.Path(self.folder.name, name).symlink_to(os.path.abspath(PROGRAM))
        lines = self.run_it(program=os.path.join(self.folder.name, "mailq")).stdout.splitlines()
        self.assertEqual(lines[0], "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------")
        self.assertRegex(lines[1], r"^ID1 +2048 \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d  app@x.test$")
        self.assertIn("ID2!", "\n".join(lines))
        self.assertEqual(lines[-1], "-- 4 Kbytes in 2 Requests.")
        self.run_it(program=os.path.join(self.folder.name, "newaliases"), expect=1)  # the reload finds a bad file
        self.assertIn(("POST", "/v1/reload", {}), self.server.asked)

    def test_classify(self):
        """From standard input, without a daemon; what is no reply is said to be none."""
        text = self.run_it("classify", stdin="550 5.1.1 no such user\r\n\nhello\n").stdout
        rows = [line.split("\t") for line in text.splitlines()]
        self.assertEqual(rows[0], ["bad-mailbox", "-", "-", "recipient", "550 5.1.1 no such user"])
        self.assertEqual(rows[1][0], "protocol")
        self.run_it("classify", "/nowhere", expect=1)
        config = os.path.join(self.folder.name, "mesura.conf")
        rule = ('{{ name = "ours"; match = "archive"; provider = "*.example.net"; class = "throttle"; scope = "lane";'
                ' samples = [ "451 4.3.0 the archive is out" ]; never = [ "{}" ]; }}')
        for never, expect in (("452 4.2.2 Mailbox full", 0), ("450 the archive too", 1)):
            with open(config, "w", encoding="ascii") as file:
                file.write('hostname = "relay.test"; replies = ( ' + rule.format(never) + " );\n")
            done = self.run_it("classify", "--config", config, "--provider", "mx.example.net", "--json", expect=expect,
                               stdin="451 4.3.0 the archive is out\n452 4.2.2 Mailbox full\n")
            if expect == 0:
                rows = json.loads(done.stdout)["replies"]
                self.assertEqual([row["rule"] for row in rows][0], "ours")
                self.assertEqual([row["class"] for row in rows], ["throttle", "mailbox-full"])
            else:
                self.assertIn("mesura.conf:1: reply rule: it decides", done.stderr)
        self.assertEqual(self.server.asked, [])


if __name__ == "__main__":
    unittest.main()
