#!/usr/bin/env python3
"""mail.log must mean to pflogsumm what happened: the counts of its report are those written.

Usage: check_pflogsumm.py WRITER, a program that prints lines of mail.log. Skipped (77) where
pflogsumm is not installed."""

import re
import shutil
import subprocess
import sys

WANTED = {"received": 2, "delivered": 2, "deferred": 1, "bounced": 1, "rejected": 1}


def main():
    if shutil.which("pflogsumm") is None:
        return 77
    lines = subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout
    report = subprocess.run(["pflogsumm", "--smtpd-stats"], input=lines, check=True,
                            capture_output=True).stdout.decode()
    failed = 0
    for what, count in WANTED.items():
        found = re.search(r"^\s*(\d+)\s+" + what, report, re.MULTILINE)
        if found is None or int(found[1]) != count:
            print(f"{what}: wanted {count}, pflogsumm says {found and found[1]}")
            failed = 1
    for text in ("example.net", "a@example.com", "try later", "Relay access denied"):
        if text not in report:
            print(f"{text!r} is not in the report")
            failed = 1
    if failed:
        print(report)
    return failed


sys.exit(main())
