"""tools/rehearse: the real relay, simulated providers, days in seconds."""
import json
import subprocess
import sys

import pytest
from relay import BUILD, ROOT


def rehearse(folder, campaign, *options):
    path = folder / "campaign.csv"
    path.write_text(campaign)
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "rehearse"), str(path), "--build", str(BUILD), "--json",
                           *options], capture_output=True, text=True, timeout=400, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_a_small_campaign_is_observed_as_planned(tmp_path):
    """All of it leaves, within the ramp's days, no day above its allowance, and plan was right within a day."""
    campaign = "email,name\ngmail.test,150\nkim@small.test,Kim\njo@small.test,Jo\n"
    status, told, said = rehearse(tmp_path, campaign, "--warmup", "40*2", "--day", "15", "--days", "12")
    assert status == 0, said
    assert told["mix"] == {"gmail.test": 150, "small.test": 2}
    assert told["left"] == 0 and sum(row["leaves"] for row in told["observed"]) == 152, told
    gmail = [row for row in told["observed"] if row["site"] == "gmail.test"]
    allowed = 40
    for row in gmail:
        assert row["leaves"] <= allowed, told
        allowed *= 2  # at most: a day that was not used does not advance
    planned = max(row["day"] for row in told["plan"])
    assert abs(gmail[-1]["day"] - planned) <= 1, told
    assert gmail[0]["limit"] == "warm-up", told


@pytest.mark.parametrize("campaign, options, word", [
    ("a heading\n", (), "no recipients"),
    ("gmail.test,999999\n", (), "200,000"),
    ("gmail.test,5\n", ("--provider", "nonsense=1"), "--provider"),
])
def test_what_cannot_be_rehearsed_is_said(tmp_path, campaign, options, word):
    status, _, said = rehearse(tmp_path, campaign, *options)
    assert status == 1 and word in said, said
