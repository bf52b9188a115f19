#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest agent that lies, babbles, is silent or falls over, behind the real channel of libvirt:
each time a clear error or a crash-consistent snapshot with a warning, and no guest stays frozen."""

import functools
import json

import harness

bed = harness.bed(install=True)

# pylint: disable=wrong-import-position
from bed_hostile import (  # noqa: E402
    HANG_UP, SILENT, HostileAgent, one_filesystem, refusal, value)
from bed_libvirt import wait_until  # noqa: E402
from refusal import check_clean, expect, guards, leases  # noqa: E402

vmsnap = harness.vmsnap
FOLDER = bed.storage("xfs", 512)
AGENT = HostileAgent("/var/lib/libvirt/qemu/hostile.sock")
CHANNEL = (f"<channel type='unix'><source mode='connect' path='{AGENT.path}'/>"
           "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>")
PLAYED = {"now": 0, "passed": 0}  # cases: one manner of the agent, one snapshot
VM = bed.define_vm("web", [bed.make_disk(f"{FOLDER}/web.qcow2", size_mb=64)], agent=False,
                   devices=CHANNEL)


def answers():
    """libvirt hears the agent."""
    return bed.virsh("qemu-agent-command", "web", '{"execute":"guest-ping"}',
                     check=False).returncode == 0


def start(**manners):
    """The VM runs, libvirt has an unbroken channel, and the agent behaves so from now on."""
    AGENT.reset()
    if VM.state() != "running":
        VM.start()
        AGENT.filesystems = one_filesystem(VM)
    elif not answers():
        bed.libvirt.restart()  # it gives up an agent that spoke no JSON
    wait_until(answers, 60, "the agent answers")
    AGENT.reset(**manners)


def cases(function):
    """A test whose cases count when all of it passed."""
    @functools.wraps(function)
    def counted():
        PLAYED["now"] = 0
        function()
        PLAYED["passed"] += PLAYED["now"]
    return harness.test(counted)


def create(policy="require", name="s1", **options):
    """snapshot create, never longer than the limits allow."""
    PLAYED["now"] += 1
    reply = vmsnap("snapshot", "create", "web", name, "--consistency", policy, **options)
    assert reply.code in (0, 1, 3, 4, 6), reply
    assert reply.seconds < 45, reply
    return reply


def clean():
    """Nothing is left, and the guest is not frozen."""
    wait_until(lambda: not guards() and not leases(), 30, "the guard goes")
    assert not AGENT.frozen, AGENT.called
    assert VM.state() == "running", VM.state()
    vmsnap("snapshot", "delete", "p1")
    check_clean([FOLDER])


def hostile(reasons, froze=None, **manners):
    """`require` refuses with one of the reasons, `prefer` cuts without trust. `froze` says whether
    a freeze may have been sent; then a thaw must have been."""
    start(**manners)
    error = expect(create(), 1, "AGENT")
    assert error["reason"] in reasons and error["frozen"] == "no", error
    freezes, thaws = (AGENT.count(f"guest-fsfreeze-{what}") for what in ("freeze", "thaw"))
    assert froze is None or bool(freezes) == froze, AGENT.called
    assert thaws >= freezes, AGENT.called
    clean()
    start(**manners)
    taken = create("prefer", "p1")
    assert taken.code == 6 and taken.json["consistency"] == "crash", taken
    assert "FreezeFailed" in taken.out or any(reason in taken.out for reason in reasons), taken
    clean()
    return error


@cases
def a_lying_agent_is_found_out():
    """It says that it froze; the image says otherwise."""
    start()
    reply = create()
    error = expect(reply, 1, "INCONSISTENT", "PotentiallyInconsistent", about="journal")
    assert error["frozen"] == "no", error
    assert AGENT.count("guest-fsfreeze-freeze") == AGENT.count("guest-fsfreeze-thaw") == 1
    clean()
    assert create("prefer", "p1").code == 6
    clean()


@cases
def garbage_instead_of_json():
    for text in (b"garbage", b"\xff\xfe\x00{", b"{", b'{"return":', b"[]", b"null", b"\x1b[31m" * 50):
        start(all=text)
        error = create().json["error"]
        assert error["code"] == "AGENT" and error["frozen"] == "no", error
        assert "\x1b" not in error["message"], error
    clean()
    hostile(("AgentNotReady", "BadReply", "FreezeFailed"), False, ping=b"garbage")


@cases
def json_of_the_wrong_shape():
    shapes = [{"return": 17}, {"return": []}, {"return": {}}, {"return": None}, {"error": "x"},
              {"error": {"class": 5, "desc": []}}, {"error": {}}, {"nothing": 1},
              {"return": {}, "error": {"desc": "both"}}, {"return": "frozen"}]
    for shape in shapes:
        for where in ("info", "get_fsinfo", "fsfreeze_status", "fsfreeze_freeze"):
            start(**{where: json.dumps(shape).encode()})
            reply = create()
            assert reply.code == 1, (where, shape, reply)
            error = reply.json["error"]
            assert error["code"] in ("AGENT", "INCONSISTENT"), (where, shape, error)
            if error["reason"] == "MaybeFrozen":  # libvirt has given this agent up
                start()
                clean()
                continue
            assert error["frozen"] == "no", (where, shape, error)
            assert AGENT.count("guest-fsfreeze-thaw") >= AGENT.count("guest-fsfreeze-freeze")
    clean()


@cases
def counts_that_are_none():
    for count in (b"-1", b"0", b"100001", b"9223372036854775808", b"1e3", b'"1"', b"1.5", b"true"):
        start(fsfreeze_freeze=b'{"return":' + count + b"}")
        error = expect(create(), 1, "AGENT", "FreezeFailed")
        assert error["frozen"] == "no" and AGENT.count("guest-fsfreeze-thaw") >= 1, error
    clean()


@cases
def answers_without_end():
    deep = b'{"return":' + b"[" * 100000 + b"]" * 100000 + b"}"
    start()
    good = AGENT.filesystems
    many = value(good * 5000)
    long = value([{**good[0], "mountpoint": "/" + "x" * (3 << 20)}])
    huge = b'{"return":"' + b"x" * (12 << 20) + b'"}'
    for answer in (deep, many, long, huge):
        start(get_fsinfo=answer)
        reply = create()
        assert reply.code == 1 and reply.json["error"]["code"] == "AGENT", reply.out[:500]
        assert len(reply.out) < 5000 and reply.seconds < 30, (len(reply.out), reply.seconds)
        assert AGENT.count("guest-fsfreeze-freeze") == 0
    clean()


@cases
def strange_names_in_its_lists():
    """Control characters, escapes, other disks' names: carried as text, or refused."""
    start()
    good = AGENT.filesystems[0]
    odd = [{**good, "mountpoint": "/\x1b[2J\n\r\u202e\U0001f600", "type": "ext4\x07"},
           {**good, "name": "../../x", "disk": [{"dev": "/dev/../../etc/passwd"}]}, 5, None, {}]
    start(get_fsinfo=value(odd))
    reply = create("prefer", "p1")
    assert reply.code in (1, 6) and "\x1b" not in reply.out and "\x07" not in reply.out, reply
    clean()
    start(get_fsinfo=b'{"return":[{"name":"\xc3\x28","mountpoint":"/\xff","type":"ext4","disk":[]}]}')
    assert create("prefer", "p1").code in (1, 6)
    clean()


@cases
def its_own_words_reach_the_user():
    text = "cannot freeze: \u00dcber\x1b[31m\nline two \x00 of it"
    error = hostile(("FreezeFailed",), True, fsfreeze_freeze=refusal(text))
    assert "cannot freeze: \u00dcber" in error["message"], error
    assert not set("\x1b\n\x00") & set(error["message"]), error


@cases
def no_answer_to_a_freeze():
    start(fsfreeze_freeze=SILENT)
    reply = create()
    error = expect(reply, 1, "AGENT", "FreezeFailed")
    assert error["frozen"] == "no" and AGENT.count("guest-fsfreeze-thaw") >= 1, error
    assert 9 < reply.seconds < 40, reply
    clean()


@cases
def the_channel_breaks_at_the_freeze():
    start(fsfreeze_freeze=HANG_UP)
    error = create().json["error"]
    assert error["code"] == "AGENT", error
    start()  # libvirt finds it again, and the guard thaws
    wait_until(lambda: not guards() and not leases(), 60, "the guard goes")
    vmsnap("recover", check=0)
    AGENT.frozen = False
    clean()


@cases
def the_words_of_real_agents():
    for text in ("failed to open /mnt/x: Permission denied",
                 "hook script has failed with status 1",
                 "error on committing snapshot set: The shadow copy writers are in a bad state"):
        error = hostile(("FreezeFailed",), True, fsfreeze_freeze=refusal(text))
        assert text in error["message"], error


@cases
def vss_thaws_by_itself():
    """After ten seconds; the thaw then is an error, whatever the guest's state."""
    start()
    windows = {"get_osinfo": value({"id": "mswindows"}),
               "fsfreeze_thaw": [refusal("couldn't hold writes: fsfreeze is limited up to 10 "
                                         "seconds: "), None]}
    start(**windows)
    error = expect(create(), 1, "INCONSISTENT", "ThawedEarly")
    assert error["frozen"] == "no", error
    start(**windows)
    taken = create("prefer", "p1")
    assert taken.code == 6 and taken.json["consistency"] == "crash", taken
    clean()


@cases
def fewer_are_thawed_than_were_frozen():
    start(fsfreeze_freeze=value(3))
    expect(create(), 1, "INCONSISTENT", "ThawedEarly")
    clean()


@cases
def what_it_cannot_do_is_told_apart():
    start(info=value({"version": "7", "supported_commands": [
        {"name": f"guest-fsfreeze-{what}", "enabled": what != "freeze"}
        for what in ("freeze", "thaw", "status")]}))
    expect(create(), 1, "AGENT", "FreezeUnsupported", about="disabled")
    start(info=value({"version": "7", "supported_commands": []}))
    expect(create(), 1, "AGENT", "FreezeUnsupported", about="missing")
    assert AGENT.count("guest-fsfreeze-freeze") == 0
    clean()


@cases
def a_guest_that_calls_itself_frozen_is_not_touched():
    for manners in ({"fsfreeze_status": value("frozen")},
                    {"fsfreeze_freeze": refusal("the command guest-fsfreeze-freeze has been "
                                                "disabled: the agent is in frozen state")}):
        start(**manners)
        expect(create(), 1, "AGENT", "FreezeFailed")
        assert AGENT.count("guest-fsfreeze-thaw") == 0, AGENT.called
        AGENT.frozen = False
    clean()


@cases
def a_thaw_that_fails_is_repeated():
    start(fsfreeze_thaw=[refusal("not now"), b'{"return":"x"}', refusal("not now"), None])
    AGENT.obeys = False
    error = create().json["error"]
    AGENT.obeys = True
    assert error["frozen"] == "no", error
    assert AGENT.count("guest-fsfreeze-thaw") >= 4 and not AGENT.frozen, AGENT.called
    clean()


@cases
def a_thaw_that_is_never_confirmed_is_left_to_the_guard():
    """Whatever the policy: a guest that may be frozen is the failure."""
    start(fsfreeze_thaw=lambda _: refusal("never"), fsfreeze_status=value("frozen"))
    AGENT.say["guest-fsfreeze-status"] = [value("thawed"), value("frozen")]
    error = create("prefer").json["error"]
    assert error["code"] == "AGENT" and error["reason"] == "MaybeFrozen", error
    assert error["frozen"] == "unknown" and guards() and leases(), (error, guards(), leases())
    busy = create("prefer", "s2")
    assert busy.code in (1, 4), busy
    AGENT.reset()
    AGENT.frozen = True
    wait_until(lambda: not AGENT.frozen, 30, "the guard thaws")
    clean()


@cases
def everything_twice():
    """Each answer comes two times: what is left over must not be taken for the next one."""
    start()
    AGENT.say["guest-all"] = lambda command: AGENT._truth(command) * 2  # pylint: disable=protected-access
    reply = create("prefer", "p1")
    assert reply.code in (1, 6), reply
    AGENT.frozen = False
    clean()


def noise(depth=0):
    """Random JSON."""
    rng = harness.RNG
    kind = rng.randrange(9 if depth < 4 else 6)
    if kind < 6:
        return [None, True, rng.randrange(-5, 1 << 40), "frozen", rng.random() * 1e300,
                "".join(chr(rng.randrange(1, 0x7ff)) for _ in range(rng.randrange(20)))][kind]
    if kind < 8:
        names = ["return", "error", "class", "desc", "name", "enabled", "disk", "mountpoint", "type",
                 "supported_commands", "version", "dev", "x"]
        return {rng.choice(names): noise(depth + 1) for _ in range(rng.randrange(6))}
    return [noise(depth + 1) for _ in range(rng.randrange(6))]


@cases
def random_answers():
    for _ in range(25):
        start(**{where: value(noise()) for where in
                 harness.RNG.sample(["info", "get_fsinfo", "fsfreeze_status", "fsfreeze_freeze",
                                     "get_osinfo", "ping"], 2)})
        before = dict(AGENT.say)
        reply = create("prefer", "p1")
        assert reply.code in (1, 6), (before, reply)
        AGENT.reset()
        clean()


@harness.test
def all_were_counted():
    print(f"hostile-agent cases: {PLAYED['passed']} passed behind libvirt", flush=True)
    assert PLAYED["passed"] >= 60 or len(harness.sys.argv) > 1, PLAYED


harness.main()
