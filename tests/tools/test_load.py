"""mesura-load against mesura-receiver: what it says is what arrived."""

import json
import subprocess
import unittest

from support import PATIENCE, TOOLS, Case, Receiver, load, until


class Load(Case):
    def test_everything_arrives_once(self):
        """Each message arrives once, of the size asked for, in the mix asked for."""
        place = self.folder()
        with Receiver("name=p", options=["--events", str(place / "e"),
                                         "--record", str(place / "r")]) as receiver:
            result = load(receiver.text(), "--messages", 300, "--sessions", 7,
                          "--mix", "g.test=60,o.test=30,x.test=10", "--size", 2000,
                          "--header", "X-Test: yes", "--stream", "bulk", "--tag", "run")
            total = receiver.stop()["total"]
        self.assertTrue(result["done"])
        self.assertEqual((result["accepted"], total["messages"]), (300, 300))
        self.assertEqual((total["duplicates"], total["connections"]), (0, 7))
        lines = [json.loads(line) for line in (place / "e").read_text().splitlines()]
        self.assertEqual({line["msgid"] for line in lines},
                         {f"run-{i}" for i in range(1, 301)})
        share = [sum(line["recipient"].endswith(domain) for line in lines) / 300
                 for domain in ("g.test", "o.test", "x.test")]
        for got, wanted in zip(share, (0.6, 0.3, 0.1)):
            self.assertAlmostEqual(got, wanted, delta=0.1)
        for i in (1, 150, 300):
            text = (place / "r" / f"{i}.eml").read_bytes()
            self.assertIn(len(text), (1999, 2000))
            self.assertIn(b"X-Test: yes\r\nX-Mesura-Stream: bulk\r\n\r\n", text)
            self.assertNotIn(b"\n", text.replace(b"\r\n", b""))
            self.assertTrue(all(len(line) <= 78 for line in text.split(b"\r\n")))

    def test_ways_of_talking(self):
        """Pipelined, one per connection, many recipients, STARTTLS, implicit TLS."""
        ways = [(["--pipelining"], "name=p"), (["--per_connection", 1], "name=p"),
                (["--recipients", 5, "--pipelining"], "name=p"),
                (["--recipients", 5], "name=p"),
                (["--tls", "starttls"], "tls=starttls,tls_required=true"),
                (["--tls", "implicit", "--size", "300k"], "tls=implicit"),
                (["--size", "300k", "--sessions", 3], "name=p"),
                (["--size", 1], "name=p"), (["--domains", 10], "name=p")]
        for options, provider in ways:
            with Receiver(provider) as receiver:
                result = load(receiver.text(), "--messages", 60, "--sessions", 6, *options)
                total = receiver.stop()["total"]
            self.assertEqual(result["accepted"], 60, options)
            self.assertEqual(total["messages"], 60, options)
            self.assertEqual(total["accepted"], result["recipients"], options)
            if "--per_connection" in options:
                self.assertGreaterEqual(total["connections"], 60)

    def test_sources_and_sender(self):
        """It connects from the address and writes the sender it is told."""
        place = self.folder()
        with Receiver("name=p", options=["--events", str(place / "e")]) as receiver:
            load(receiver.text(), "--messages", 3, "--source", "127.0.0.7:0",
                 "--sender", "who@where.test")
            result = receiver.stop()
        self.assertEqual(list(result["providers"][0]["sources"]), ["127.0.0.7"])
        self.assertIn('"sender":"who@where.test"', (place / "e").read_text())

    def test_deferred_is_sent_again(self):
        """A 4xx at any stage is tried again until it passes, and nothing arrives twice."""
        for stage in ("mail", "rcpt", "data", "dot"):
            for options in ([], ["--pipelining"]):
                with Receiver(f'say="{stage} 0.3 451 4.3.0 not yet"') as receiver:
                    result = load(receiver.text(), "--messages", 100, "--sessions", 5,
                                  "--pause", "1ms", *options)
                    total = receiver.stop()["total"]
                self.assertEqual(result["accepted"], 100)
                self.assertEqual((total["messages"], total["duplicates"]), (100, 0))
                self.assertEqual(result["errors"]["451"]["count"] >= total["deferred"], True)
                self.assertGreater(total["deferred"], 10)

    def test_closing_servers(self):
        """421s, silent closes and refused connections are lived through."""
        for provider in ("per_connection=3", "per_connection=3,how_per_connection=close",
                         'say="connect 0.3 421 4.3.2 busy"', 'say="dot 0.2 421 4.3.2 no"'):
            with Receiver(provider) as receiver:
                result = load(receiver.text(), "--messages", 60, "--sessions", 4,
                              "--pause", "1ms", "--reconnect")
                total = receiver.stop()["total"]
            self.assertEqual((result["accepted"], total["messages"]), (60, 60), provider)
            self.assertEqual(total["duplicates"], result["uncertain"], provider)

    def test_refused_is_not_sent_again(self):
        """A 5xx is final, --once makes a 4xx final, and the exit status says so."""
        with Receiver("unknown=0.5", "random=0.5") as receiver:
            first = load(receiver.text(0), "--messages", 100, check=False)
            second = load(receiver.text(1), "--messages", 100, "--once", "--first_id", 1000,
                          "--pause", "1ms", check=False)
            total = receiver.stop()["total"]
        for result in (first, second):
            self.assertFalse(result["done"])
            self.assertEqual(result["accepted"] + result["failed"], 100)
            self.assertGreater(result["failed"], 10)
        self.assertEqual(total["messages"], first["accepted"] + second["accepted"])

    def test_unanswered_dots_are_uncertain(self):
        """A final dot without an answer is in the ledger as uncertain, not as ok."""
        place = self.folder()
        with Receiver("hostile=dotclose,hostile_chance=0.3") as receiver:
            result = load(receiver.text(), "--messages", 100, "--sessions", 4, "--reconnect",
                          "--per_connection", 2, "--pause", "1ms", "--ledger",
                          place / "l")
            total = receiver.stop()["total"]
        lines = [line.split() for line in (place / "l").read_text().splitlines()]
        kinds = [line[0] for line in lines]
        self.assertEqual(kinds.count("ok"), 100)
        self.assertEqual(kinds.count("uncertain"), result["uncertain"])
        self.assertEqual(result["uncertain"], total["closed"])
        self.assertGreater(result["uncertain"], 5)
        self.assertLessEqual(total["duplicates"], result["uncertain"])
        self.assertEqual({line[1] for line in lines if line[0] == "ok"},
                         {str(i) for i in range(1, 101)})
        for line in lines:
            if line[0] == "ok":
                self.assertLessEqual(int(line[2]), int(line[3]))

    def test_survives_a_server(self):
        """With --reconnect the server may be killed and come back."""
        place = self.folder()
        with Receiver("name=p") as first:
            port = first.port
            process = subprocess.Popen(
                [str(TOOLS / "mesura-load"), first.text(), "--json", "--messages", "2000",
                 "--sessions", "5", "--rate", "2000/s", "--reconnect", "--pause", "10ms",
                 "--ledger", str(place / "l")], stdout=subprocess.PIPE, text=True)
            until(lambda: (place / "l").exists() and
                  (place / "l").read_text().count("ok") > 100, "it is on its way")
            first.stop(kill=True)
        with Receiver(f"listen=127.0.0.1:{port}") as second:
            out, _ = process.communicate(timeout=4 * PATIENCE)
            total = second.stop()["total"]
        result = json.loads(out)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(result["accepted"], 2000)
        self.assertTrue(0 < total["messages"] < 2000)
        acknowledged = {line.split()[1] for line in (place / "l").read_text().splitlines()
                        if line.startswith("ok ")}
        self.assertEqual(len(acknowledged), 2000)

    def test_gives_up_without_a_server(self):
        """Without --reconnect nobody to talk to is the end, with status 1."""
        with Receiver("name=p") as receiver:
            target = receiver.text()
        result = load(target, "--messages", 10, "--sessions", 3, check=False)
        self.assertEqual((result["accepted"], result["connect_failures"]), (0, 3))

    def test_hostile_servers(self):
        """No broken server makes it hang beyond its timeout, crash or count a success."""
        for mode in ("garbage", "endless", "longline", "nocode", "order", "hole",
                     "mute", "greet554", "cut", "cutin", "dotmute"):
            with Receiver(f"hostile={mode},hostile_bytes=60") as receiver:
                result = load(receiver.text(), "--messages", 4, "--sessions", 2, "--once",
                              "--timeout", "300ms", check=False)
            self.assertEqual(result["accepted"], 0, mode)

    def test_rate(self):
        """It begins messages no faster than told."""
        with Receiver("name=p") as receiver:
            result = load(receiver.text(), "--messages", 101, "--rate", "200/s")
        self.assertGreaterEqual(result["seconds"], 0.49)

    def test_duration(self):
        """Without a number of messages the duration ends it."""
        with Receiver("name=p") as receiver:
            result = load(receiver.text(), "--messages", 0, "--duration", "300ms",
                          "--sessions", 2)
            total = receiver.stop()["total"]
        self.assertTrue(result["done"])
        self.assertEqual(result["accepted"], total["messages"])
        self.assertGreater(result["accepted"], 10)


if __name__ == "__main__":
    unittest.main()
