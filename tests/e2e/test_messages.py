"""POST /v1/messages: mail by HTTP, with the rights of a user and the same fixes as by SMTP."""
import base64
import email
import email.policy
import http.client
import json

import pytest
from mail import message
from patience import wait_until
from relay import free_port
from test_users import Users


class Door:
    """The HTTP port of a relay, and the token of a user made for it."""

    def __init__(self, relay, token):
        self.relay = relay
        self.token = token

    def post(self, body, kind="application/json", path="/v1/messages", token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.relay.config["http"]["port"], timeout=60)
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        token = self.token if token is None else token
        try:
            connection.request("POST", path, payload, {"Content-Type": kind, "Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@pytest.fixture
def door(new_relay, new_peer):
    relay, peer = new_relay(), new_peer()
    relay.route("gmail.test", peer.port)
    token_file = relay.folder / "http.token"
    token_file.write_text("an operator's token\n")
    token_file.chmod(0o600)
    relay.change(users=str(relay.folder / "users"),
                 http={"address": "127.0.0.1", "port": free_port(), "token_file": str(token_file)})
    relay.start()
    users = Users(relay)
    users.run("add", "shop", "--no-password", "--from", "shop.test", "--per-day", "50")
    token = users.run("token", "shop").strip().splitlines()[-1]
    assert token.startswith("mesura_")
    found = Door(relay, token)
    found.users, found.peer = users, peer
    return found


def test_json(door):
    """Texts, names beyond ASCII, both bodies and a file arrive as they were meant; the id is the queue's."""
    status, document = door.post({
        "from": "Bücher & Co <noreply@shop.test>", "to": ["Kim <kim@gmail.test>"], "bcc": "lee@gmail.test",
        "subject": "Ihre Bestellung für Jürgen", "text": "Grüße\nzwei", "html": "<p>Grüße</p>", "stream": "bulk",
        "headers": {"X-Order": "7"}, "job": "spring",
        "attachments": [{"name": "r.pdf", "type": "application/pdf", "content": base64.b64encode(b"\0pdf").decode()}]})
    assert status == 200, document
    taken = wait_until(lambda: (found := door.peer.taken()) and sum(len(m.recipients) for m in found) == 2 and found,
                       20, "both")
    parsed = email.message_from_bytes(taken[0].data, policy=email.policy.default)
    assert parsed["From"] == "Bücher & Co <noreply@shop.test>"
    assert parsed["Subject"] == "Ihre Bestellung für Jürgen"
    assert parsed["X-Order"] == "7" and parsed["Bcc"] is None and parsed["Message-ID"] and parsed["Date"]
    assert parsed.get_body(("plain",)).get_content() == "Grüße\r\nzwei".replace("\r\n", "\n") or \
        parsed.get_body(("plain",)).get_content().splitlines() == ["Grüße", "zwei"]
    assert "Grüße" in parsed.get_body(("html",)).get_content()
    assert [part.get_content() for part in parsed.iter_attachments()] == [b"\0pdf"]
    accepted = door.relay.wait_events("accepted")[0]
    assert accepted["id"] == document["id"] and accepted["user"] == "shop" and accepted["stream"] == "bulk"
    assert accepted["job"] == "spring" and taken[0].sender == "noreply@shop.test"


def test_message(door):
    """A finished message keeps its bytes; the query is the envelope, or else its header."""
    data = message(sender="a@shop.test", extra=b"Bcc: lee@gmail.test\r\n")
    assert door.post(data, "message/rfc822")[0] == 200
    assert door.post(data, "message/rfc822", "/v1/messages?from=b@shop.test&to=mia@gmail.test")[0] == 200
    taken = wait_until(lambda: (found := door.peer.taken()) and sum(len(m.recipients) for m in found) == 3 and found,
                       20, "three")
    assert {r for m in taken for r in m.recipients} == {"kim@gmail.test", "lee@gmail.test", "mia@gmail.test"}
    assert all(m.body == b"Hello.\r\n" and not m.field("Bcc") for m in taken)
    assert {m.sender for m in taken} == {"a@shop.test", "b@shop.test"}


def test_rights(door):
    """Another's From is 403, the day's limit 429, a wrong token 401; a disabled user is out at once."""
    good = {"from": "a@shop.test", "to": "kim@gmail.test", "text": "x"}
    assert door.post({**good, "from": "boss@bank.test"})[0] == 403
    assert door.post({**good, "subject": "a\r\nBcc: eve@evil.test"})[0] == 400
    assert door.post({**good, "sender": "boss@bank.test"})[0] == 403
    assert door.post(good, token="mesura_guess")[0] == 401
    assert door.post(good, token="an operator's token")[0] == 401, "an operator's token sends no mail"
    assert door.post({**good, "to": [f"r{i}@gmail.test" for i in range(50)]})[0] == 200
    status, document = door.post(good)
    assert status == 429 and document["code"] == 450 and "UTC" in document["error"], document
    door.users.run("disable", "shop")
    assert door.post(good)[0] == 403
    door.users.run("enable", "shop")
    door.users.run("token", "shop", "--revoke")
    assert door.post(good)[0] == 401
    assert "SASL TOKEN authentication failed" in door.relay.mail_log()
    said = door.relay.mail_log() + door.relay.stderr() + (door.relay.folder / "users").read_text()
    assert door.token not in said


def test_durable_when_it_answers(door):
    """What was answered 200 is there after kill -9."""
    door.relay.change(delivery={"enabled": False})
    door.relay.restart()
    ids = [door.post({"from": "a@shop.test", "to": "kim@gmail.test", "text": str(i)})[1]["id"] for i in range(20)]
    door.relay.kill()
    door.relay.start()
    assert {row["id"] for row in door.relay.queue("?limit=500")} == set(ids)


def test_unix_socket(door):
    """Who may command the relay may send by its socket; a token makes it the user's message."""
    good = {"from": "anyone@else.test", "to": "kim@gmail.test", "text": "x"}
    status, document = door.relay.http("POST", "/v1/messages", good)
    assert status == 200, document
    status, _ = door.relay.http("POST", "/v1/messages", good, {"Authorization": f"Bearer {door.token}"})
    assert status == 403


def test_garbage(door):
    """What is no JSON, too large or of another kind is refused, and the daemon goes on."""
    assert door.post(b"{", "application/json")[0] == 400
    assert door.post(b"\0\xff" * 100, "application/json")[0] == 400
    assert door.post(b"{}", "text/plain")[0] == 415
    assert door.post(b"no header at all", "message/rfc822")[0] == 400
    big = message(sender="a@shop.test", body=b"x" * 70 + b"\r\n") + (b"y" * 70 + b"\r\n") * 800_000
    assert door.post(big, "message/rfc822")[0] == 400
    assert door.post({"from": "a@shop.test", "to": "kim@gmail.test", "text": "x"})[0] == 200
