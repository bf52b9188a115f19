#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest agent on a socket of its own that lies, babbles, is late or falls over: one freeze window
each. None may crash us, hold us longer than the limits allow, make us grow, pass for consistent
when it was not, or keep the guest frozen unless the error says so.

The agent is scripted and the VM is made of numbers; test_bad_agent.py plays the important ones
behind the real libvirt."""

import concurrent.futures
import shutil
import subprocess
import tempfile
import threading
import time

import harness
from bed_hostile import SILENT, HANG_UP, Doing, HostileAgent, refusal, value

PROBE = harness.built("tests/integration/agent-probe")
FOLDER = tempfile.mkdtemp(prefix="vmsnap-hostile-")
CALL_MS = 600
# Rehearsal; freeze call; thaw until confirmed; each may be a second over.
REHEARSAL_S, FREEZE_S, THAW_S = 4.5, 1.7, 11.5
GROWTH_KIB = 16 * 1024
FILESYSTEMS = [{"name": "vda", "mountpoint": "/", "type": "ext4",
                "disk": [{"bus-type": "virtio", "bus": 0, "target": 0, "unit": 0, "dev": "/dev/vda",
                          "pci-controller": {"domain": 0, "bus": 0, "slot": 4, "function": 0}}]}]
CASES = {}
GROWN = []  # KiB
FREEZE, THAW, STATUS = "fsfreeze_freeze", "fsfreeze_thaw", "fsfreeze_status"


class SocketAgent(HostileAgent):
    """Like QEMU's socket it serves one client at a time; like an agent, one request at a time."""

    def __init__(self, path):
        super().__init__(path)
        self.filesystems = FILESYSTEMS
        self.obeys = False
        self.thaws_itself_s = None  # VSS

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._serve(client)

    def _truth(self, command):
        if command == "guest-fsfreeze-freeze" and self.thaws_itself_s:
            threading.Timer(self.thaws_itself_s, self.thaw_itself).start()
        return super()._truth(command)

    def thaw_itself(self):
        """As VSS does after ten seconds."""
        self.frozen = False

    def do(self, command):
        """Executes a command; the good answer."""
        return self._truth(command)


def case(name, want, limit_s=REHEARSAL_S, options=(), **manners):
    """Registers a case; `want` checks the probe's facts and the agent."""
    assert name not in CASES, name
    CASES[name] = (want, limit_s, options, manners)


# ---- what is wanted ----

def is_frozen(facts, _):
    assert facts["grade"] == "frozen", facts


def is_crash(reason, about=""):
    def check(facts, _):
        assert facts.get("grade") == "crash" and facts["reason"] == reason, facts
        assert about in facts["message"], facts
    return check


def is_refused(*reasons, about="", froze=None):
    def check(facts, agent):
        assert facts.get("error") == "AGENT" and facts["reason"] in reasons, facts
        assert facts["left"] == "0" and facts["lease"] == "0", facts
        assert about in facts["message"], facts
        freezes = agent.count("guest-fsfreeze-freeze")
        assert froze is None or bool(freezes) == froze, agent.called
        assert agent.count("guest-fsfreeze-thaw") >= freezes, agent.called
    return check


def is_refused_untouched(about):
    """Frozen by somebody else: never thawed by us."""
    def check(facts, agent):
        assert facts.get("error") == "AGENT" and facts["reason"] == "FreezeFailed", facts
        assert about in facts["message"] and agent.count("guest-fsfreeze-thaw") == 0, agent.called
        agent.frozen = False
    return check


def is_unknown(facts, agent):
    """The guest may be frozen, which is said, and the lease stays."""
    assert facts.get("reason") == "MaybeFrozen" and facts["left"] == "2", facts
    assert facts["lease"] == "1", facts
    agent.frozen = False


NOT_READY = is_refused("AgentNotReady", froze=False)
BAD = is_refused("BadReply", "FreezeFailed", froze=False)
FAILED = is_refused("FreezeFailed", froze=True)
EARLY = is_crash("ThawedEarly")


# ---- ways to answer ----

def slowly(command, pause_s=0.004):
    """Byte by byte."""
    def act(client):
        for byte in AGENTS.get().do(command) + b"\n":
            client.sendall(bytes([byte]))
            time.sleep(pause_s)
    return Doing(act)


def late(command, after_s, said=None):
    """Does it after a while, and only then answers."""
    def act(client):
        agent = AGENTS.get()
        time.sleep(after_s)
        truth = agent.do(command)
        client.sendall((truth if said is None else said) + b"\n")
    return Doing(act)


def half(text):
    """The beginning of an answer, and no more."""
    return Doing(lambda client: client.sendall(text))


def half_and_close(text):
    def act(client):
        client.sendall(text)
        return False
    return Doing(act)


def flood(head, body, megabytes, tail=b"\n"):
    """A long answer."""
    def act(client):
        client.sendall(head)
        for _ in range(megabytes):
            client.sendall(body * (1 << 20))
        client.sendall(tail)
    return Doing(act)


def does(said):
    """Does it, and then says this."""
    def act(command):
        AGENTS.get().do(command)
        return said
    return act


class Current(threading.local):
    """The agent of the thread that serves."""

    agent = None

    def get(self):
        """The agent."""
        return self.agent


AGENTS = Current()

# ---- the channel ----

case("an agent that does all it says", is_frozen)
case("silent to everything", NOT_READY, guest_all=SILENT, sync_delimited=SILENT)
case("silent to the synchronisation", NOT_READY, sync_delimited=SILENT)
case("silent to the first question", NOT_READY, ping=SILENT)
case("silent to the second question", NOT_READY, fsfreeze_status=SILENT)
case("silent to the third question", NOT_READY, info=SILENT)
case("silent to the fourth question", NOT_READY, get_fsinfo=SILENT)
case("refuses to synchronise", NOT_READY,
     sync_delimited=refusal("not supported", "CommandNotFound"))
case("synchronises with another number", NOT_READY, sync_delimited=b"\xff" + value(4711))
case("synchronises without the delimiter", NOT_READY, sync_delimited=lambda number: value(number))
case("synchronises with a text", NOT_READY,
     sync_delimited=lambda number: b"\xff" + value(str(number)))
case("synchronises with a broken number", NOT_READY,
     sync_delimited=lambda number: b"\xff" + value(number + 0.5))
case("answers an old synchronisation first", is_frozen,
     sync_delimited=lambda number: b"\xff" + value(1) + b"\n\xff" + value(number))
case("late replies before the synchronisation", is_frozen,
     sync_delimited=lambda number: (value("frozen") + b"\n" + value(17) + b"\n{\"retu\xff"
                                    + value(number)))
case("babbles after the synchronisation", is_refused("AgentNotReady", "BadReply", "FreezeFailed"),
     sync_delimited=lambda number: b"\xff" + value(number) + b"\n" + value({}))
case("floods instead of synchronising", BAD,
     sync_delimited=flood(b"", b"x", 64))
case("a synchronisation without end", BAD, sync_delimited=flood(b"\xff{\"return\":", b"1", 4))
case("hangs up at the synchronisation", NOT_READY, sync_delimited=HANG_UP)
case("hangs up at the first question", NOT_READY, ping=HANG_UP)
case("hangs up in the middle of a reply", NOT_READY, info=half_and_close(b'{"return": {"vers'))
case("half a reply", NOT_READY, info=half(b'{"return": {"vers'))
case("half a reply and a newline", BAD, info=half(b'{"return": {"vers\n'))
case("byte by byte", is_frozen, info=lambda command: slowly(command, 0.001), ping=slowly)
case("two replies to each question", is_frozen, fsfreeze_status=lambda command: (
     AGENTS.get().do(command) + b"\n" + AGENTS.get().do(command)))
case("a reply nobody asked for", is_frozen, ping=value({}) + b"\n" + value(99))

# ---- size, depth, text ----

case("a reply of 1 GiB", BAD, get_fsinfo=flood(b'{"return":"', b"x", 1024, b'"}\n'))
case("a reply that never ends", BAD, info=flood(b'{"return":[', b"1,", 4096))
case("a reply of blanks", BAD, info=flood(b"", b" ", 8))
case("100 000 levels of lists", BAD,
     get_fsinfo=b'{"return":' + b"[" * 100000 + b"]" * 100000 + b"}")
case("100 000 levels of objects", BAD,
     info=b'{"return":' + b'{"a":' * 100000 + b"1" + b"}" * 100000 + b"}")
case("100 000 levels never closed", BAD, info=b'{"return":' + b"[" * 100000)
case("300 000 values", BAD, get_fsinfo=b'{"return":[' + b"1," * 300000 + b"1]}")
case("5000 file systems", BAD, get_fsinfo=value(FILESYSTEMS * 5000))
case("invalid UTF-8", BAD, info=b'{"return":{"version":"\xc3\x28","supported_commands":[]}}')
case("UTF-8 that is too long", BAD, info=b'{"return":{"version":"\xc0\x80"}}')
case("half a surrogate", BAD, info=b'{"return":{"version":"\\ud800"}}')
case("a NUL", BAD, info=b'{"return":{"version":"7\x00"}}')
case("an escaped NUL", BAD, info=b'{"return":{"version":"7\\u0000"}}')
case("garbage behind the reply", BAD, info=b'{"return":{}} x')
case("no JSON", BAD, ping=b"hello")
case("nothing but a newline", BAD, ping=b"\n")
case("ones and zeros", BAD, info=bytes(range(0, 256)).replace(b"\n", b""))
case("duplicate keys", BAD, info=b'{"return":{},"return":{"version":"x"}}')
case("both return and error", BAD, info=b'{"return":{},"error":{"desc":"x"}}')
case("neither return nor error", BAD, info=b'{"version":"7.2"}')
case("an error that is no object", BAD, info=b'{"error":"no"}')
case("a list instead of an object", BAD, info=b"[1,2]")
case("null", BAD, info=b"null")
case("wrong types everywhere", is_refused("FreezeUnsupported", froze=False),
     info=value({"version": [], "supported_commands": [{"name": 5, "enabled": "yes"}, 1, None]}))
case("commands are no list", BAD, info=value({"version": "7", "supported_commands": {}}))
case("an event instead of a reply", BAD, info=b'{"event":"X","data":{}}')

# ---- what it can ----

case("no freeze command", is_refused("FreezeUnsupported", about="missing", froze=False),
     info=value({"version": "1", "supported_commands": [{"name": "guest-ping", "enabled": True}]}))
case("the freeze command is disabled", is_refused("FreezeUnsupported", about="disabled",
                                                  froze=False),
     info=value({"version": "1", "supported_commands": [
         {"name": f"guest-fsfreeze-{what}", "enabled": what != "freeze"}
         for what in ("freeze", "thaw", "status")]}))
case("frozen by somebody else", is_refused_untouched("frozen already"),
     fsfreeze_status=value("frozen"))
case("a state nobody knows", BAD, fsfreeze_status=value("melting"))
case("a state that is a number", BAD, fsfreeze_status=value(1))

# ---- the freeze ----

for number, text in (("zero", b"0"), ("negative", b"-1"), ("too many", b"100001"),
                     ("beyond 64 bits", b"9223372036854775808"), ("hugely beyond", b"9" * 400),
                     ("a fraction", b"1.5"), ("an exponent", b"1e3"), ("a text", b'"1"'),
                     ("true", b"true"), ("null", b"null"), ("a list", b"[1]")):
    case(f"froze {number}", FAILED, FREEZE_S + THAW_S, fsfreeze_freeze=does(b'{"return":' + text + b"}"))
case("silent to the freeze, and froze", FAILED, FREEZE_S + THAW_S, fsfreeze_freeze=does(SILENT))
case("silent to the freeze, and did not", FAILED, FREEZE_S + THAW_S, fsfreeze_freeze=SILENT)
case("freezes after the limit", FAILED, FREEZE_S + THAW_S + 2,
     fsfreeze_freeze=late("guest-fsfreeze-freeze", 2.5))
case("freezes long after the limit", FAILED, FREEZE_S + THAW_S + 2,
     fsfreeze_freeze=late("guest-fsfreeze-freeze", 6))
case("freezes after the limit and lies", FAILED, FREEZE_S + THAW_S + 2,
     fsfreeze_freeze=late("guest-fsfreeze-freeze", 1.5, value(0)))
case("half a reply to the freeze", FAILED, FREEZE_S + THAW_S, fsfreeze_freeze=lambda command: (
     half(AGENTS.get().do(command)[:8])))
case("hangs up at the freeze", FAILED, FREEZE_S + THAW_S, fsfreeze_freeze=HANG_UP)
case("freezes and hangs up", FAILED, FREEZE_S + THAW_S, fsfreeze_freeze=lambda command: (
     half_and_close(AGENTS.get().do(command)[:5])))
case("frozen meanwhile by somebody else", is_refused_untouched("frozen state"),
     fsfreeze_freeze=refusal("The command guest-fsfreeze-freeze has been disabled for this "
                             "instance: the agent is in frozen state"))
for name, text in (
        ("SELinux", "failed to open /mnt/x: Permission denied"),
        ("an I/O error", "failed to freeze /data: Input/output error"),
        ("a failing hook", "hook script has failed with status 1"),
        ("a blocked file system", "failed to freeze /mnt: Device or resource busy"),
        ("VSS busy", "failed to add \\\\?\\Volume{0f}\\ to snapshot set: VSS_E_SNAPSHOT_SET_IN_"
                     "PROGRESS (error: 80042316)"),
        ("VSS writers", "error on committing snapshot set: The shadow copy writers are in a bad "
                        "state (error: 80042301)"),
        ("VSS too late", "timeout when try to receive Frozen event from VSS provider: "
                         "The operation timed out")):
    case(f"refused: {name}", is_refused("FreezeFailed", about=text.rsplit("\\", 1)[-1], froze=True),
         FREEZE_S + THAW_S, fsfreeze_freeze=refusal(text))
case("refused: disabled", is_refused("FreezeUnsupported", "FreezeFailed", froze=True),
     FREEZE_S + THAW_S, fsfreeze_freeze=refusal(
         "Command guest-fsfreeze-freeze has been disabled"))
case("an error with % and escapes", is_refused("FreezeFailed", about="%s%n%99999d", froze=True),
     FREEZE_S + THAW_S, fsfreeze_freeze=refusal("%s%n%99999d \x1b[31mred\x1b[0m\nline\r\x07"))
case("an error of 900 KiB", FAILED, FREEZE_S + THAW_S, fsfreeze_freeze=refusal("x" * 900 * 1024))
case("an error without a text", FAILED, FREEZE_S + THAW_S, fsfreeze_freeze=b'{"error":{}}')

# ---- the thaw ----

case("fewer thawed than frozen", EARLY, fsfreeze_freeze=does(value(3)))
case("thawed before we did", EARLY, options=["cut=800"], fsfreeze_freeze=lambda command: (
     setattr(AGENTS.get(), "thaws_itself_s", 0.2) or AGENTS.get().do(command)))
case("a negative thaw", EARLY, THAW_S, fsfreeze_thaw=[does(value(-1)), None])
case("VSS thawed itself", EARLY, THAW_S, options=["cut=800"], get_osinfo=value({"id": "mswindows"}),
     fsfreeze_freeze=lambda command: (
         setattr(AGENTS.get(), "thaws_itself_s", 0.2) or AGENTS.get().do(command)),
     fsfreeze_thaw=[refusal("couldn't hold writes: fsfreeze is limited up to 10 seconds: "), None])
case("the first thaw is refused", is_frozen, THAW_S,
     fsfreeze_thaw=[refusal("not now"), refusal("not now"), None])
case("the first thaw is not answered", EARLY, THAW_S, fsfreeze_thaw=[does(SILENT), None])
case("the first thaw is not done", is_frozen, THAW_S, fsfreeze_thaw=[SILENT, None])
case("hangs up at the thaw", is_frozen, THAW_S, fsfreeze_thaw=[HANG_UP, None])
case("says thawed and is not", is_unknown, THAW_S + 6, fsfreeze_thaw=refusal("never"),
     fsfreeze_status=[value("thawed"), value("frozen")])
case("is never heard of again", is_unknown, THAW_S + 6, fsfreeze_thaw=HANG_UP)


# ---- playing them ----

def play(name):
    """One case; None, or what was wrong."""
    want, limit_s, options, manners = CASES[name]
    path = f"{FOLDER}/{abs(hash(name))}.sock"
    agent = SocketAgent(path)
    said = {"guest-" + key.removeprefix("guest_").replace("_", "-"): what
            for key, what in manners.items()}
    agent.say = {key: with_agent(what, agent) for key, what in said.items()}
    try:
        done = subprocess.run([PROBE, path, f"call={CALL_MS}", *options], capture_output=True,
                              timeout=limit_s + 60, check=False)
        text = done.stdout.decode()
        facts = dict(line.partition("=")[::2] for line in text.splitlines())
        assert done.returncode == 0 and not done.stderr, (done.returncode, done.stderr[-2000:])
        assert not set(text) & set("\x1b\x07\r\x00"), repr(text[:500])
        assert int(facts["took_ms"]) <= limit_s * 1000, (facts["took_ms"], limit_s)
        assert int(facts["grown_kib"]) <= GROWTH_KIB, facts["grown_kib"]
        GROWN.append(int(facts["grown_kib"]))
        want(facts, agent)
        assert not agent.frozen, (agent.called, facts)
    except (AssertionError, subprocess.TimeoutExpired, KeyError, ValueError) as wrong:
        return f"{name}: {str(wrong)[:1500]} {agent.called}"
    finally:
        agent.end()
    return None


def with_agent(what, agent):
    """Ways to answer find their agent."""
    if isinstance(what, list):
        return [with_agent(each, agent) for each in what]
    if isinstance(what, Doing):
        def act(client):
            AGENTS.agent = agent
            return what.do(client)
        return Doing(act)
    if callable(what) and what is not HANG_UP:
        def choose(command):
            AGENTS.agent = agent
            return with_agent(what(command), agent)
        return choose
    return what


@harness.test
def hostile_agents_on_a_socket():
    """All cases, several at a time: most of them wait."""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        wrong = [each for each in pool.map(play, CASES) if each]
    shutil.rmtree(FOLDER)
    for each in wrong:
        harness.note(each)
    print(f"hostile-agent cases: {len(CASES) - len(wrong)} passed on a socket of its own",
          flush=True)
    harness.note(f"memory grew by {max(GROWN)} KiB at most")
    assert not wrong and len(CASES) >= 60, len(wrong)


harness.main()
