#!/usr/bin/python3
"""Three foreign parsers must read our notifications as they were meant, and agree: Python's
email package, flufl.bounce and Sisimai. Usage: check_bounce.py PRINT_BOUNCE"""
import email
import email.policy
import subprocess
import sys
import tempfile

from flufl.bounce import all_failures

SISIMAI = """use Sisimai;
for my $found (@{ Sisimai->make($ARGV[0], 'delivered' => 1) || [] }) {
    print join(' ', $found->recipient->address, $found->action, $found->deliverystatus), "\n";
}"""


def sisimai(raw):
    """What it finds: recipient, action, status."""
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(raw)
        file.flush()
        done = subprocess.run(["perl", "-e", SISIMAI, file.name], stdout=subprocess.PIPE, check=True, text=True)
    return [line.split() for line in done.stdout.splitlines()]


def check(kind, action, statuses, third):
    raw = subprocess.run([sys.argv[1], kind], stdout=subprocess.PIPE, check=True).stdout
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert not message.defects, message.defects
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["Auto-Submitted"] == "auto-replied"
    assert "a@x.example" in message["To"]
    parts = list(message.iter_parts())
    assert len(parts) == 3, parts
    assert parts[0].get_content_type() == "text/plain"
    assert parts[1].get_content_type() == "message/delivery-status"
    assert parts[2].get_content_type() == third
    per_message, *groups = parts[1].get_payload()
    assert per_message["Reporting-MTA"] == "dns; relay.example"
    assert per_message["Original-Envelope-Id"] == "QQ+1"
    assert [g["Final-Recipient"] for g in groups] == ["rfc822; b@y.example", "rfc822; c@y.example"]
    assert groups[0]["Original-Recipient"] == "rfc822; Bee@y.example"
    assert [g["Action"] for g in groups] == [action, action]
    assert [g["Status"] for g in groups] == statuses
    assert "<7@app>" in parts[2].as_string()
    temporary, permanent = all_failures(message)
    found = temporary if action == "delayed" else permanent
    assert found == {b"Bee@y.example", b"c@y.example"}, (temporary, permanent)
    assert sisimai(raw) == [["b@y.example", action, statuses[0]], ["c@y.example", action, statuses[1]]], sisimai(raw)
    print("ok", kind)


check("failed", "failed", ["5.1.1", "4.7.1"], "text/rfc822-headers")
check("full", "failed", ["5.1.1", "4.7.1"], "message/rfc822")
check("delayed", "delayed", ["4.7.1", "4.7.1"], "text/rfc822-headers")
