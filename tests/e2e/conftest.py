"""What the tests share. Each test gets a relay of its own and leaves nothing behind."""
import pathlib
import socket
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from peer import Peer  # noqa: E402
from relay import Relay  # noqa: E402


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


@pytest.fixture
def new_relay(request):
    """Make relays, not yet started; each must end well when the test has passed."""
    made = []

    def make(**changes):
        relay = Relay(**changes)
        made.append(relay)
        return relay

    yield make
    failed = getattr(request.node, "report_call", None) is None or request.node.report_call.failed
    trouble = None
    for relay in made:
        try:
            if not failed:
                relay.stop()
        except AssertionError as why:
            trouble = why
        relay.clean(failed=failed or trouble is not None)
    if trouble:
        raise trouble


@pytest.fixture
def new_peer():
    """Make receivers; see peer.py."""
    made = []

    def make(*args, **kwargs):
        peer = Peer(*args, **kwargs)
        made.append(peer)
        return peer

    yield make
    for peer in made:
        peer.close()


@pytest.fixture
def dead_port():
    """A port on which connections are refused: ours, so that no other test listens there meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def rig(new_relay, new_peer):
    """The usual: one receiver for gmail.test, one started relay that knows the way."""
    relay, peer = new_relay(), new_peer()
    relay.route("gmail.test", peer.port)
    relay.start()
    return relay, peer
