"""The hidden limits of mesura-receiver, as a client meets them."""

import json
import smtplib
import unittest

from support import Case, Receiver, greeted, send, until


def codes(client, count, recipient="u{}@dest.test"):
    return [send(client, recipient.format(i))[0] for i in range(count)]


class Limits(Case):
    def test_plain_accepts_everything(self):
        """A provider without limits takes all, and counts messages and recipients."""
        with Receiver("name=p") as receiver:
            with greeted(receiver) as client:
                self.assertEqual(codes(client, 20), [250] * 20)
                send(client, ["x@dest.test", "y@dest.test"])
            total = receiver.stop()["total"]
        self.assertEqual((total["messages"], total["accepted"]), (21, 22))
        self.assertEqual((total["deferred"], total["refused"]), (0, 0))
        self.assertEqual(receiver.status, 0)

    def test_bucket(self):
        """A burst passes, the next is told 421 and the connection is closed."""
        with Receiver("rate=1/h,burst=3") as receiver:
            client = greeted(receiver)
            self.assertEqual(codes(client, 4), [250, 250, 250, 421])
            with self.assertRaises(smtplib.SMTPServerDisconnected):
                client.noop()
            source = receiver.stop()["providers"][0]["sources"]["127.0.0.1"]
        self.assertEqual(source["by_class"]["rate"], 1)
        self.assertEqual(source["overshoot"], 1)

    def test_bucket_refills_in_its_own_time(self):
        """With --speed an hour passes in a moment, and the capacity is its integral."""
        with Receiver('rate=1/h,burst=1,text_rate="451 4.7.1 slower"',
                      options=["--speed", "360000"]) as receiver:
            client = greeted(receiver)
            self.assertEqual(send(client)[0], 250)
            until(lambda: send(client)[0] == 250, "the bucket fills again")
            source = receiver.stop()["providers"][0]["sources"]["127.0.0.1"]
        self.assertAlmostEqual(source["capacity"] * 3600, receiver.result["model_s"],
                               delta=3600)

    def test_recipients_count_where_asked(self):
        """With at=rcpt the bucket counts recipients, and the message goes to the others."""
        with Receiver('rate=1/h,burst=2,at=rcpt,text_rate="451 4.7.1 slower"') as receiver:
            with greeted(receiver) as client:
                self.assertEqual(send(client, ["a@d", "b@d", "c@d"])[0], 250)
            total = receiver.stop()["total"]
        self.assertEqual((total["accepted"], total["deferred"]), (2, 1))

    def test_quotas(self):
        """Hour and day quotas end with 451 until their window is over."""
        for key, name in (("hourly", "hourly"), ("daily", "daily")):
            with Receiver(f"{key}=2") as receiver:
                with greeted(receiver) as client:
                    self.assertEqual(codes(client, 3), [250, 250, 451])
                by_class = receiver.stop()["total"]["by_class"]
                self.assertEqual(by_class, {"accepted": 2, name: 1})
        with Receiver("hourly=1,day=24s", options=["--speed", "20"]) as receiver:
            with greeted(receiver) as client:
                seen = [send(client)[0]]
                until(lambda: seen.append(send(client)[0]) or seen.count(250) == 3,
                      "a new hour brings a new allowance")

    def test_connections(self):
        """One connection too many is told so, closed, or reset."""
        for how, error in (("reply", smtplib.SMTPConnectError),
                           ("close", smtplib.SMTPServerDisconnected),
                           ("reset", (ConnectionResetError,
                                      smtplib.SMTPServerDisconnected))):
            with Receiver(f"connections=2,how_connections={how}") as receiver:
                held = [greeted(receiver), greeted(receiver)]
                with self.assertRaises(error):
                    receiver.client()
                other = greeted(receiver, source="127.0.0.9")
                self.assertEqual(send(other)[0], 250)
                held[0].quit()
                until(lambda: receiver.ask()["total"]["open"] == 2, "one is free again")
                self.assertEqual(send(greeted(receiver))[0], 250)
                by_class = receiver.stop()["total"]["by_class"]
                self.assertEqual(by_class["connections"], 1)

    def test_messages_per_connection(self):
        """After n messages: a 421 to the next MAIL, or a close without a word."""
        with Receiver("per_connection=2") as receiver:
            self.assertEqual(codes(greeted(receiver), 3), [250, 250, 421])
        with Receiver("per_connection=2,how_per_connection=close") as receiver:
            client = greeted(receiver)
            self.assertEqual(codes(client, 2), [250, 250])
            with self.assertRaises(smtplib.SMTPServerDisconnected):
                client.noop()
            self.assertEqual(receiver.stop()["total"]["deferred"], 0)

    def test_recipients_of_a_message(self):
        """Recipients beyond the limit are told 452, the message goes to the others."""
        with Receiver("recipients=2") as receiver:
            with greeted(receiver) as client:
                self.assertEqual(send(client, ["a@d", "b@d", "c@d"])[0], 250)
            total = receiver.stop()["total"]
        self.assertEqual(total["by_class"], {"accepted": 2, "recipients": 1})

    def test_escalation(self):
        """Refusals lead into the box, attempts in the box to the block, time out of both."""
        with Receiver('rate=1/h,burst=1,text_rate="451 4.7.1 slower",strikes=3,'
                      'box=1h,box_attempts=2,block=2h,text_box="451 4.7.0 box"') as receiver:
            with greeted(receiver) as client:
                self.assertEqual(codes(client, 8),
                                 [250, 451, 451, 451, 451, 451, 451, 451])
                code, text = send(client)
                self.assertEqual(code, 554, text)
            with self.assertRaises(smtplib.SMTPConnectError) as refused:
                receiver.client()
            self.assertEqual(refused.exception.smtp_code, 554)
            source = receiver.stop()["providers"][0]["sources"]["127.0.0.1"]
        self.assertEqual(source["by_class"],
                         {"accepted": 1, "rate": 4, "box": 3, "block": 2})
        self.assertEqual((source["boxes"], source["blocks"]), (1, 1))
        self.assertTrue(source["block_now"])
        self.assertEqual(source["blocked"], 2)

    def test_block_ends(self):
        """A block is over after its time."""
        with Receiver('rate=6/h,burst=1,strikes=1,box=1h,box_attempts=1,block=1h',
                      options=["--speed", "1000"]) as receiver:
            def try_once():
                try:
                    return send(greeted(receiver))[0]
                except smtplib.SMTPConnectError as refused:
                    return refused.smtp_code
            until(lambda: try_once() == 554, "the block begins")
            until(lambda: try_once() == 250, "the block ends")

    def test_curve(self):
        """A new address has an allowance a day; going far beyond it earns a block."""
        with Receiver('curve=5,curve_overrun=0.4,text_curve="451 4.7.28 new"') as receiver:
            with greeted(receiver) as client:
                self.assertEqual(codes(client, 8),
                                 [250] * 5 + [451, 451] + [550 + 4])
            by_class = receiver.stop()["total"]["by_class"]
        self.assertEqual(by_class, {"accepted": 5, "curve": 2, "block": 1})

    def test_curve_grows(self):
        """The next day allows growth times as much."""
        with Receiver('curve=2,curve_growth=3,curve_overrun=1000,day=10s,'
                      'text_curve="451 4.7.28 new"', options=["--speed", "50"]) as receiver:
            with greeted(receiver) as client:
                self.assertEqual(codes(client, 3), [250, 250, 451])
                until(lambda: send(client)[0] == 250, "the second day")
                more = 1
                while send(client)[0] == 250:
                    more += 1
        self.assertGreaterEqual(more, 5)

    def test_share(self):
        """Sources of one prefix share the bucket, others have their own."""
        with Receiver("rate=1/h,burst=2,share=/24") as receiver:
            self.assertEqual(send(greeted(receiver, source="127.0.0.2"))[0], 250)
            self.assertEqual(send(greeted(receiver, source="127.0.0.3"))[0], 250)
            self.assertEqual(send(greeted(receiver, source="127.0.0.4"))[0], 421)
            self.assertEqual(send(greeted(receiver, source="127.0.1.4"))[0], 250)

    def test_grey(self):
        """Who comes too soon waits, who comes again passes, and is remembered."""
        with Receiver("grey_min=5m,grey_max=2h",
                      options=["--speed", "1000"]) as receiver:
            with greeted(receiver) as client:
                self.assertEqual(send(client)[0], 451)
                until(lambda: send(client)[0] == 250, "the wait is over")
                self.assertEqual(send(client)[0], 250)
                self.assertEqual(send(client, "other@dest.test")[0], 451)

    def test_grey_by_network(self):
        """With grey_key=/24 and no triplet the network waits once."""
        with Receiver("grey_min=1m,grey_key=/24,grey_triplet=false",
                      options=["--speed", "1000"]) as receiver:
            self.assertEqual(send(greeted(receiver, source="127.0.0.2"))[0], 451)
            other = greeted(receiver, source="127.0.0.3")
            until(lambda: send(other)[0] == 250, "the network has waited")
            self.assertEqual(send(other, "other@dest.test")[0], 250)

    def test_listing(self):
        """A listing refuses one source at the stage asked for, and what follows is counted."""
        for stage in ("mail", "rcpt", "data", "dot"):
            with Receiver(f"rbl_after_messages=2,rbl_at={stage},rbl_source=127.0.0.3,"
                          "rbl_zone=zone.example,rbl_names=192.0.2.7") as receiver:
                bad = greeted(receiver, source="127.0.0.3")
                self.assertEqual(codes(bad, 2), [250, 250])
                code, text = send(bad)
                self.assertEqual(code, 554)
                self.assertIn("[192.0.2.7]", text)
                self.assertIn("zone.example", text)
                bad.docmd("RSET")
                self.assertEqual(send(bad)[0], 554)
                good = greeted(receiver, source="127.0.0.2")
                self.assertEqual(codes(good, 4), [250] * 4)
                sources = receiver.stop()["providers"][0]["sources"]
            self.assertEqual(sources["127.0.0.3"]["after_listing"], 1)
            self.assertEqual(sources["127.0.0.3"]["blocked"], 2)
            self.assertTrue(sources["127.0.0.3"]["listed"])
            self.assertFalse(sources["127.0.0.2"]["listed"])

    def test_listing_by_time_at_connect(self):
        """A listing by time begins and is cleared by time."""
        with Receiver("rbl_after=10m,rbl_clear=30m,rbl_at=connect",
                      options=["--speed", "2000"]) as receiver:
            def greeting():
                try:
                    receiver.client().quit()
                    return 220
                except smtplib.SMTPConnectError as refused:
                    return refused.smtp_code
            self.assertEqual(greeting(), 220)
            until(lambda: greeting() == 554, "it is listed")
            until(lambda: greeting() == 220, "it is cleared")

    def test_chance(self):
        """Shares come out about as told, with the same seed the same."""
        def outcome():
            with Receiver('seed=5,random=0.2,recipient=0.1,say="dot 0.1 451 4.3.0 oh, no"'
                          ) as receiver:
                with greeted(receiver) as client:
                    codes(client, 1000)
                return receiver.stop()["total"]["by_class"]
        first = outcome()
        self.assertEqual(first, outcome())
        self.assertTrue(150 < first["random"] < 250, first)
        self.assertTrue(50 < first["recipient"] < 120, first)
        self.assertTrue(40 < first["say"] < 110, first)

    def test_unknown_is_fate(self):
        """A recipient that does not exist never does."""
        with Receiver("unknown=0.3,full=0.2,unknown_prefix=gone") as receiver:
            with greeted(receiver) as client:
                first = codes(client, 200)
                self.assertEqual(first, codes(client, 200))
                self.assertEqual(send(client, "gone7@dest.test")[0], 550)
        self.assertTrue(30 < first.count(550) < 90)
        self.assertTrue(15 < first.count(452) < 60)

    def test_misleading(self):
        """Misleading replies are codes that do not mean what they say."""
        with Receiver("misleading=1") as receiver:
            seen = set()

            def one():
                seen.add(send(greeted(receiver)))
                return len({code for code, _ in seen}) >= 4
            until(one, "four different codes")

    def test_change_and_outage(self):
        """The capacity changes when told; an outage refuses everybody."""
        with Receiver('rate=1000/s,burst=1,change=1h*0,text_rate="451 4.7.1 no"',
                      options=["--speed", "1000"]) as receiver:
            with greeted(receiver) as client:
                until(lambda: send(client)[0] == 250, "at first")
                until(lambda: [send(client)[0] for _ in range(5)] == [451] * 5, "then none")
        with Receiver("outage_at=0s,outage_for=10m,outage_every=1h",
                      options=["--speed", "1000"]) as receiver:
            def state():
                try:
                    return send(greeted(receiver))[0]
                except smtplib.SMTPConnectError as refused:
                    return refused.smtp_code
            self.assertEqual(state(), 421)
            until(lambda: state() == 250, "the outage ends")
            until(lambda: state() == 421, "the next begins")

    def test_diurnal_capacity(self):
        """Over a whole day the swing gives the mean of its bounds."""
        with Receiver("rate=10/s,diurnal=0.2,day=10s", options=["--speed", "20"]) as receiver:
            send(greeted(receiver))
            first = until(lambda: receiver.ask(), "statistics")

            def day_later():
                now = receiver.ask()
                return now if now["model_s"] > first["model_s"] + 40 else None
            last = until(day_later, "four days")
            receiver.stop()
        source = "127.0.0.1"
        gained = (last["providers"][0]["sources"][source]["capacity"] -
                  first["providers"][0]["sources"][source]["capacity"])
        mean = gained / (last["model_s"] - first["model_s"])
        self.assertAlmostEqual(mean, 6.0, delta=0.6)

    def test_reputation(self):
        """Refusals lower the rate of who causes them."""
        with Receiver('rate=10/s,burst=1,reputation=5,text_rate="451 4.7.1 no"',
                      options=["--speed", "10"]) as receiver:
            with greeted(receiver) as client:
                taken = 0
                for _ in range(3000):
                    taken += send(client)[0] == 250
            result = receiver.stop()
        capacity = result["providers"][0]["sources"]["127.0.0.1"]["capacity"]
        self.assertLess(taken, 0.5 * capacity + 20)

    def test_styles(self):
        """Each style has its own words and codes."""
        words = {"gmail": (421, "4.7.28"), "yahoo": (421, "TSS04"),
                 "outlook": (451, "S775"), "gmx": (421, "Rate limit")}
        for style, (code, word) in words.items():
            with Receiver(f"style={style},rate=1/h,burst=1") as receiver:
                client = greeted(receiver)
                send(client)
                got = send(client)
                self.assertEqual(got[0], code)
                self.assertIn(word, got[1])


class Files(Case):
    def test_file_of_providers(self):
        """A libconfig file gives the same providers as the command line."""
        place = self.folder() / "providers.conf"
        place.write_text('providers = (\n'
                         ' { name = "g"; listen = "127.0.0.1:0 127.0.0.1:0"; hourly = 1;\n'
                         '   say = [ "ehlo 0 451 a, b", "mail 0 451 c" ]; },\n'
                         ' { name = "o"; unknown = 1.0; tls_required = true; }\n);\n')
        with Receiver(options=["--file", str(place)]) as receiver:
            self.assertEqual(len(receiver.addresses), 3)
            with greeted(receiver, 0) as client:
                self.assertEqual(send(client)[0], 250)
            with greeted(receiver, 1) as client:
                self.assertEqual(send(client)[0], 451, "both addresses are one provider")
            with greeted(receiver, 2) as client:
                self.assertEqual(send(client)[0], 530)

    def test_wrong_settings(self):
        """What cannot be is refused with its name, and of a file with its line."""
        import subprocess
        from support import TOOLS
        place = self.folder() / "bad.conf"
        place.write_text('providers = (\n { name = "g";\n   burts = 3; }\n);\n')
        cases = [(["--provider", "burts=3"], "burts"), (["--provider", "rate=fast"], "rate"),
                 (["--provider", "listen=1.2.3"], "listen"), (["--file", str(place)], ":3:"),
                 (["--provider", "text_rate=hello"], "text_rate"), ([], "--provider"),
                 (["--provider", 'name="x'], "quote"), (["--wrong"], "--wrong"),
                 (["--provider", "say=rcpt 2 450 x"], "say"),
                 (["--speed", "0", "--provider", "name=x"], "speed")]
        for args, word in cases:
            done = subprocess.run([str(TOOLS / "mesura-receiver"), *args],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=30)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(word, done.stderr)

    def test_help_names_every_key(self):
        """--help of both programs ends with 0 and lists what there is."""
        import subprocess
        from support import TOOLS
        for program, word in (("mesura-receiver", "rbl_after_messages"),
                              ("mesura-load", "--per_connection")):
            done = subprocess.run([str(TOOLS / program), "--help"], stdout=subprocess.PIPE,
                                  text=True, check=True, timeout=30)
            self.assertIn(word, done.stdout)

    def test_manual_pages_are_complete(self):
        """Every option and key of --help stands in the manual page."""
        import pathlib
        import re
        import subprocess
        from support import TOOLS
        pages = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/man"
        for program in ("mesura-receiver", "mesura-load"):
            told = subprocess.run([str(TOOLS / program), "--help"], stdout=subprocess.PIPE,
                                  text=True, check=True, timeout=30).stdout
            page = (pages / f"{program}.1").read_text().replace("\\-", "-")
            names = re.findall(r"^  ([-a-z_]+)", told, re.MULTILINE)
            self.assertGreater(len(names), 20)
            for name in names:
                self.assertRegex(page, rf"(?m)^\.B {re.escape(name)}([ =]|$)", program)

    def test_events_and_stats(self):
        """Each decision is a JSON line; the statistics file is always whole."""
        place = self.folder()
        with Receiver("name=ev,hourly=2",
                      options=["--events", str(place / "e"), "--stats_file", str(place / "s")]
                      ) as receiver:
            with greeted(receiver) as client:
                client.command_encoding = "latin-1"
                for i in range(3):
                    send(client, [f"u{i}@d", "\x01\xff\\\"@d"],
                         b'X-Bench-Id: 7-%d\r\n\r\nhi\r\n' % i)
            total = receiver.stop()["total"]
        lines = [json.loads(line) for line in (place / "e").read_text().splitlines()]
        self.assertEqual([line["verdict"] for line in lines],
                         ["accepted"] * 4 + ["deferred"])
        self.assertEqual([line["msgid"] for line in lines],
                         ["7-0", "7-0", "7-1", "7-1", ""])
        self.assertEqual(lines[0]["recipient"], "u0@d")
        self.assertEqual(lines[4]["class"], "hourly")
        self.assertTrue(all(line["provider"] == "ev" for line in lines))
        saved = json.loads((place / "s").read_text())
        self.assertEqual(saved["total"]["accepted"], total["accepted"])

    def test_duplicates(self):
        """The same id to the same recipient again is a duplicate, to another one is not."""
        with Receiver("name=a", "name=b") as receiver:
            message = b"Message-ID: <one@x>\r\n\r\nhi\r\n"
            with greeted(receiver, 0) as client:
                send(client, "a@d", message)
                send(client, "b@d", message)
                send(client, "a@d", message)
            with greeted(receiver, 1) as client:
                send(client, "b@d", message)
                send(client, "b@d", b"Subject: no id\r\n\r\nhi\r\n")
                send(client, "b@d", b"Subject: no id\r\n\r\nhi\r\n")
            result = receiver.stop()
        self.assertEqual(result["total"]["duplicates"], 2)


if __name__ == "__main__":
    unittest.main()
