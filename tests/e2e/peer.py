"""A receiving server whose every answer a test decides.

answers is a function (stage, session, argument) -> reply, with the stages connect, EHLO,
HELO, STARTTLS, MAIL, RCPT, DATA, DOT, RSET, NOOP, QUIT. It returns None for the usual
good answer, a str (CRLF is added to each line) or bytes (sent as they are), CLOSE to cut
the connection, HANG to say nothing more, or DRIP for a byte now and then that never ends a line.
"""
import socket
import ssl
import subprocess
import threading
import time

CLOSE, HANG, DRIP = object(), object(), object()
GOOD = {"connect": "220 peer.test ESMTP", "HELO": "250 peer.test", "MAIL": "250 2.1.0 Ok", "RCPT": "250 2.1.5 Ok",
        "DATA": "354 go on", "DOT": "250 2.0.0 Ok: queued", "RSET": "250 Ok", "NOOP": "250 Ok", "QUIT": "221 Bye",
        "STARTTLS": "220 go on", "AUTH": "535 5.7.8 no"}
KEYWORDS = ("PIPELINING", "SIZE 100000000", "8BITMIME", "ENHANCEDSTATUSCODES")


class Message:
    """One message as it was taken: envelope, the bytes between DATA and the dot, unstuffed."""

    def __init__(self, session):
        self.session = session
        self.sender = None
        self.mail_line = ""
        self.recipients = []
        self.wire = b""  # as sent, dots stuffed
        self.data = b""
        self.time = 0.0

    @property
    def source(self):
        return self.session.source

    @property
    def body(self):
        return self.data.split(b"\r\n\r\n", 1)[1]

    @property
    def header(self):
        return self.data.split(b"\r\n\r\n", 1)[0]

    def field(self, name):
        """The values of a header field, unfolded."""
        lines, found = self.header.split(b"\r\n"), []
        for line in lines:
            if line[:1] in (b" ", b"\t") and found and found[-1] is not None:
                found[-1] += b" " + line.strip()
            elif line.lower().startswith(name.lower().encode() + b":"):
                found.append(line.split(b":", 1)[1].strip())
            elif found:
                found.append(None)
        return [value.decode(errors="replace") for value in found if value is not None]


class Session:
    """One connection of the relay to us."""

    def __init__(self, peer, connection, address):
        self.peer = peer
        self.connection = connection
        self.source = address[0]
        self.helo = ""
        self.lines = []
        self.tls = False
        self.start = time.monotonic()
        self.message = Message(self)
        self.taken = 0
        self.buffer = b""
        self.last = b""

    def read_line(self):
        while b"\n" not in self.buffer:
            more = self.connection.recv(65536)
            if not more:
                return None
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    def say(self, stage, argument=""):
        """Answer. False when the conversation is over."""
        reply = self.peer.answers(stage, self, argument) if self.peer.answers else None
        if reply is None:
            reply = GOOD[stage] if stage in GOOD else self.capabilities()
        if reply is CLOSE:
            return False
        if reply is HANG:
            self.peer.hang(self.connection)
            return False
        if reply is DRIP:
            while not self.peer.closing.wait(0.3):
                self.connection.sendall(b"2")
            return False
        if hasattr(reply, "data"):  # a torn one
            self.connection.sendall(reply.data)
            return False
        if isinstance(reply, str):
            reply = ("\r\n".join(reply.split("\n")) + "\r\n").encode()
        self.connection.sendall(reply)
        self.last = reply
        return not reply.startswith(b"421")

    def capabilities(self):
        words = ["peer.test", *self.peer.keywords]
        if self.peer.tls_context and not self.tls:
            words.append("STARTTLS")
        return "\n".join(f"250{' ' if i + 1 == len(words) else '-'}{word}" for i, word in enumerate(words))

    def run(self):
        if not self.say("connect"):
            return
        while (line := self.read_line()) is not None:
            text = line.decode(errors="replace").rstrip("\r\n")
            self.lines.append(text)
            verb, _, argument = text.partition(" ")
            if not self.command(verb.upper(), argument):
                return

    def command(self, verb, argument):
        if verb in ("EHLO", "HELO"):
            self.helo = argument
            self.message = Message(self)
        elif verb == "STARTTLS":
            if not self.say(verb):
                return False
            if not self.last.startswith(b"220"):
                return True
            self.connection = self.peer.tls_context.wrap_socket(self.connection, server_side=True)
            self.tls = True
            return True
        elif verb == "MAIL":
            self.message = Message(self)
            self.message.mail_line = argument
            if not self.say(verb, argument):
                return False
            if self.last.startswith(b"2"):
                self.message.sender = argument.partition("<")[2].partition(">")[0]
            return True
        elif verb == "RCPT":
            if self.message.sender is None:
                self.connection.sendall(b"503 5.5.1 MAIL first\r\n")
                return True
            if not self.say(verb, argument):
                return False
            if self.last.startswith(b"2"):
                self.message.recipients.append(argument.partition("<")[2].partition(">")[0])
            return True
        elif verb == "DATA":
            return self.content()
        elif verb == "QUIT":
            self.say(verb)
            return False
        elif verb not in GOOD:
            self.connection.sendall(b"500 what?\r\n")
            return True
        return self.say(verb, argument)

    def content(self):
        if not self.message.recipients:
            self.connection.sendall(b"554 5.5.1 no valid recipients\r\n")
            return True
        if not self.say("DATA"):
            return False
        if not self.last.startswith(b"354"):
            return True
        wire = []
        while True:
            line = self.read_line()
            if line is None:
                return False
            if line == b".\r\n":
                break
            wire.append(line)
        message, self.message = self.message, Message(self)
        message.wire = b"".join(wire)
        message.data = b"".join(line[1:] if line.startswith(b".") else line for line in wire)
        message.time = time.monotonic()
        good = self.say("DOT", message)
        if good and self.last.startswith(b"2"):
            self.taken += 1
            with self.peer.lock:
                self.peer.messages.append(message)
        return good


class Peer:
    """The server: listens at once, ends with close(). Use as a context manager."""

    def __init__(self, answers=None, address="127.0.0.1", keywords=KEYWORDS, tls=None):
        self.answers = answers
        self.keywords = keywords
        self.tls_context = tls
        self.lock = threading.Lock()
        self.messages = []
        self.sessions = []
        self.open = set()
        self.most_open = 0
        self.closing = threading.Event()
        self.listener = socket.create_server((address, 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while not self.closing.is_set():
            try:
                connection, address = self.listener.accept()
            except OSError:
                return
            connection.settimeout(120)
            session = Session(self, connection, address)
            with self.lock:
                self.sessions.append(session)
                self.open.add(session)
                self.most_open = max(self.most_open, len(self.open))
            threading.Thread(target=self.serve, args=(session,), daemon=True).start()

    def serve(self, session):
        try:
            session.run()
        except (OSError, ValueError):
            pass  # the relay hung up: that is its right
        finally:
            with self.lock:
                self.open.discard(session)
            session.connection.close()

    def hang(self, connection):
        """Say nothing more, until the other side goes or the test ends."""
        connection.settimeout(0.2)
        while not self.closing.is_set():
            try:
                if not connection.recv(65536):
                    return
            except TimeoutError:
                continue

    def taken(self):
        with self.lock:
            return list(self.messages)

    def close(self):
        self.closing.set()
        self.listener.close()
        with self.lock:
            for session in self.open:
                session.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def certificate(folder):
    """A certificate of nobody in particular; its context for a server."""
    key, cert = folder / "peer.key", folder / "peer.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=peer.test"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
