"""What mesura-receiver does with bytes: content, TLS, chunks, broken protocols."""

import json
import random
import smtplib
import socket
import unittest

from support import PATIENCE, Case, Receiver, greeted, send, tls_context, until


def read_some(sock):
    """What comes until the other side is silent for a moment, closes or resets."""
    sock.settimeout(0.5)
    data = b""
    try:
        while len(data) < 1 << 20:
            piece = sock.recv(65536)
            if not piece:
                return data, "closed"
            data += piece
    except socket.timeout:
        return data, "silent"
    except ConnectionResetError:
        return data, "reset"
    return data, "endless"


def talk(receiver, payload):
    """Greeting, then the payload; everything that came and how it ended."""
    sock = receiver.raw()
    sock.settimeout(PATIENCE)
    greeting = sock.recv(4096)
    try:
        sock.sendall(payload)
    except OSError:
        pass
    data, end = read_some(sock)
    sock.close()
    return greeting + data, end


ENVELOPE = b"EHLO c.test\r\nMAIL FROM:<a@s>\r\nRCPT TO:<b@d>\r\nDATA\r\n"


class Content(Case):
    def recorded(self, place, number=1):
        info = json.loads((place / f"{number}.json").read_text())
        return ((place / f"{number}.wire").read_bytes(),
                (place / f"{number}.eml").read_bytes(), info)

    def test_bytes_are_kept(self):
        """What was sent is what is recorded, however the bytes are cut into pieces."""
        seed = random.randrange(1 << 30)
        print(f"seed {seed}")
        dice = random.Random(seed)
        bodies = [b"", b"\r\n", b".hidden\r\n", b"..\r\n.\r\n", b"x\r\n.\nnot the end\r\n",
                  b"x\n.\nneither\r\n", bytes(range(1, 10)) + b"\x80\xff\r\n",
                  b"a" * 998 + b"\r\n",
                  bytes(dice.randrange(256) for _ in range(70000)).replace(
                      b"\r", b"-").replace(b"\n", b"-") + b"\r\n"]
        place = self.folder()
        with Receiver("name=p", options=["--record", str(place)]) as receiver:
            for body in bodies:
                stuffed = b"".join(b"." + line if line.startswith(b".") else line
                                   for line in body.split(b"\r\n") for line in [line + b"\r\n"])
                stuffed = stuffed[:-2] if stuffed else b""
                wire = stuffed + b".\r\n"
                sock = receiver.raw()
                payload = ENVELOPE + wire + b"QUIT\r\n"
                while payload:
                    size = dice.choice([1, 2, 3, 5, 7, 100, 5000, 100000])
                    if len(payload) > 2000:
                        size = max(size, 500)
                    sock.sendall(payload[:size])
                    payload = payload[size:]
                data, _ = read_some(sock)
                sock.close()
                self.assertIn(b"250 2.0.0 OK", data, body[:40])
        for number, body in enumerate(bodies, 1):
            wire, eml, info = self.recorded(place, number)
            self.assertEqual(eml, body)
            self.assertTrue(wire.endswith(b".\r\n"))
            self.assertEqual(info["recipients"], [{"address": "b@d", "parameters": ""}])
            self.assertEqual(info["sender"], "a@s")
            self.assertEqual(info["helo"], "c.test")
            self.assertEqual(info["source"], "127.0.0.1")

    def test_chunks(self):
        """BDAT brings the bytes as they are; without recipients it is refused and read."""
        place = self.folder()
        body = b"Subject: x\r\n\r\n.dot\r\n.\r\nmore\x00\xff"
        with Receiver("name=p,ehlo=CHUNKING;PIPELINING",
                      options=["--record", str(place)]) as receiver:
            payload = (ENVELOPE[:-6] + b"BDAT 10\r\n" + body[:10] +
                       b"BDAT %d LAST\r\n" % (len(body) - 10) + body[10:] +
                       b"BDAT 4 LAST\r\nQUIT" + b"NOOP\r\nQUIT\r\n")
            data, end = talk(receiver, payload)
        self.assertIn(b"10 octets", data)
        self.assertIn(b"250 2.0.0 OK: queued", data)
        self.assertIn(b"503 5.5.1", data)
        self.assertTrue(data.endswith(b"250 2.0.0 OK\r\n221 2.0.0 Bye\r\n"), data)
        self.assertEqual(end, "closed")
        wire, eml, info = self.recorded(place)
        self.assertEqual((wire, eml, info["chunked"]), (body, body, True))

    def test_too_large(self):
        """More than max_size is refused, by SIZE= and by counting."""
        with Receiver("name=p,max_size=1k") as receiver:
            with greeted(receiver) as client:
                self.assertEqual(client.docmd("MAIL FROM:<a@s> SIZE=2000")[0], 552)
                self.assertEqual(send(client, message=b"x" * 2000 + b"\r\n")[0], 552)
                self.assertEqual(send(client)[0], 250)

    def test_command_lines(self):
        """Order, syntax and length are checked; the session goes on, but not for ever."""
        with Receiver("name=p") as receiver:
            with greeted(receiver) as client:
                for command, code in (("RCPT TO:<a@b>", 503), ("DATA", 503),
                                      ("MAIL TO:<x>", 501), ("MAIL FROM:x", 501),
                                      ("NONSENSE", 500), ("VRFY x", 252), ("HELP", 214),
                                      ("MAIL FROM:<a@b>", 250), ("MAIL FROM:<a@b>", 503),
                                      ('RCPT TO:<"a>b"@c> NOTIFY=NEVER', 250),
                                      ("RSET", 250), ("DATA", 503), ("STARTTLS", 502)):
                    self.assertEqual(client.docmd(command)[0], code, command)
            data, end = talk(receiver, b"x" * 100000)
            self.assertIn(b"500 5.5.2", data)
            self.assertEqual(end in ("closed", "reset"), True, end)

    def test_tls(self):
        """STARTTLS and implicit TLS work; what was sent before the handshake is void."""
        with Receiver("tls=starttls,tls_required=true", "tls=implicit") as receiver:
            with receiver.client() as client:
                client.ehlo()
                self.assertTrue(client.has_extn("starttls"))
                self.assertEqual(send(client)[0], 530)
                client.starttls(context=tls_context())
                client.ehlo()
                self.assertFalse(client.has_extn("starttls"))
                self.assertEqual(send(client, message=b"y" * 300000 + b"\r\n")[0], 250)
            host, port = receiver.addresses[1]
            with smtplib.SMTP_SSL(host, port, context=tls_context(),
                                  timeout=PATIENCE) as client:
                self.assertEqual(send(client)[0], 250)
            sock = receiver.raw()
            sock.recv(4096)
            sock.sendall(b"EHLO x\r\n")
            sock.recv(4096)
            sock.sendall(b"STARTTLS\r\nMAIL FROM:<injected@x>\r\n")
            sock.recv(4096)
            secure = tls_context().wrap_socket(sock)
            secure.sendall(b"NOOP\r\n")
            self.assertEqual(secure.recv(4096), b"250 2.0.0 OK\r\n")
            secure.close()
            self.assertEqual(receiver.stop()["total"]["transactions"], 2)

    def test_latency(self):
        """Replies come no sooner than told, in order, also to a pipelining client."""
        import time
        with Receiver("latency_connect=50ms,latency_reply=10ms-20ms,latency_dot=100ms"
                      ) as receiver:
            begin = time.monotonic()
            sock = receiver.raw()
            sock.settimeout(PATIENCE)
            self.assertTrue(sock.recv(4096).startswith(b"220"))
            self.assertGreaterEqual(time.monotonic() - begin, 0.05)
            sock.sendall(ENVELOPE + b"hi\r\n.\r\nQUIT\r\n")
            data = b""
            while b"221" not in data:
                data += sock.recv(4096)
            self.assertGreaterEqual(time.monotonic() - begin, 0.05 + 5 * 0.01 + 0.1)
            codes = [line[:3] for line in data.split(b"\r\n") if line[3:4] == b" "]
            self.assertEqual(codes, [b"250", b"250", b"250", b"354", b"250", b"221"])


class Hostile(Case):
    def result(self, mode, payload=ENVELOPE + b"hi\r\n.\r\nQUIT\r\n", more=""):
        with Receiver(f"hostile={mode}{more}") as receiver:
            data, end = talk(receiver, payload)
            return data, end, receiver.stop()["total"]

    def test_broken_replies(self):
        """Garbage, no codes, NULs, other codes, too much, too long."""
        data, _, _ = self.result("garbage")
        self.assertFalse(data.startswith(b"220 "))
        data, _, _ = self.result("nocode")
        self.assertTrue(data.startswith(b"mx.provider.test"), data)
        data, _, _ = self.result("nul")
        self.assertIn(b"\0", data)
        data, _, _ = self.result("order", b"EHLO x\r\n")
        self.assertIn(b"\r\n354-mx", data)
        data, end, _ = self.result("endless", b"EHLO x\r\n")
        self.assertEqual(end, "endless")
        self.assertNotIn(b"250 ", data)
        data, _, _ = self.result("longline", b"EHLO x\r\n")
        self.assertGreater(len(data), 200000)

    def test_early(self):
        """The 250 comes before the message, and none after it."""
        data, _, total = self.result("early")
        self.assertLess(data.index(b"354"), data.index(b"250 2.0.0 Taken"))
        self.assertEqual(data.count(b"250 2.0.0"), 1)
        self.assertEqual(total["messages"], 1)

    def test_cut(self):
        """The connection ends after exactly so many bytes of replies."""
        for size in (0, 1, 3, 17, 40, 200):
            data, end, _ = self.result("cut", more=f",hostile_bytes={size}") \
                if size else (b"", "closed", None)
            self.assertEqual(len(data), size)
            self.assertIn(end, ("closed", "reset"))
        data, end, total = self.result("cutin", more=",hostile_bytes=30")
        self.assertIn(end, ("closed", "reset"))
        self.assertEqual(total["messages"], 0)

    def test_silence(self):
        """A hole says nothing, a mute only its greeting, a drip a byte a second."""
        with Receiver("hostile=hole") as receiver:
            sock = receiver.raw()
            self.assertEqual(read_some(sock), (b"", "silent"))
            sock.close()
        data, end, _ = self.result("mute")
        self.assertEqual((data, end), (b"220 mx.provider.test ESMTP\r\n", "silent"))
        with Receiver("hostile=drip") as receiver:
            sock = receiver.raw()
            data, end = read_some(sock)
            sock.close()
            self.assertEqual((data, end), (b"2", "silent"))

    def test_no_answer_to_the_dot(self):
        """The message is there, its answer never comes."""
        for mode, how in (("dotclose", "closed"), ("dotmute", "silent")):
            data, end, total = self.result(mode)
            self.assertTrue(data.endswith(b"354 Go ahead\r\n"), data)
            self.assertEqual(end, how)
            self.assertEqual((total["messages"], total["closed"]), (0, 1))

    def test_greetings(self):
        """421 and 554 in place of a greeting."""
        for mode, code in (("greet421", 421), ("greet554", 554)):
            with Receiver(f"hostile={mode}") as receiver:
                with self.assertRaises(smtplib.SMTPConnectError) as refused:
                    receiver.client()
                self.assertEqual(refused.exception.smtp_code, code)

    def test_injected_replies(self):
        """Plaintext behind the 220 of STARTTLS, in the same segment."""
        with Receiver("hostile=inject,tls=starttls") as receiver:
            data, _ = talk(receiver, b"EHLO x\r\nSTARTTLS\r\n")
            self.assertIn(b"Ready to start TLS\r\n250-injected", data)

    def test_some_connections(self):
        """hostile_chance leaves the others alone."""
        with Receiver("hostile=greet421,hostile_chance=0.5") as receiver:
            outcomes = set()

            def one():
                try:
                    receiver.client().quit()
                    outcomes.add("well")
                except smtplib.SMTPConnectError:
                    outcomes.add("ill")
                return len(outcomes) == 2
            until(one, "both kinds")

    def test_clients_that_vanish(self):
        """A client cut off at any byte costs nothing: the sessions end, others go on."""
        payload = ENVELOPE + b"Subject: x\r\n\r\nhi\r\n.\r\nRSET\r\nQUIT\r\n"
        with Receiver("name=p", "latency_reply=5ms") as receiver:
            for index in (0, 1):
                for size in range(len(payload)):
                    sock = receiver.raw(index)
                    sock.sendall(payload[:size])
                    sock.close()
            until(lambda: receiver.ask()["total"]["open"] == 0, "all are gone")
            self.assertEqual(send(greeted(receiver))[0], 250)


if __name__ == "__main__":
    unittest.main()
