"""How Airflow's own log maskers change in a process with a backend of ours, and to which processes secrets are sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.airflow.session import Airflow

pytestmark = pytest.mark.ours

SECRET, TOKEN = "p/ canary-0815 %@", "t/ canary-4711 %@"

#: A process of Airflow with a backend that was created before anything is logged.
PRELUDE = f"""
import copy, json, logging, os, pickle, re, sys, threading, time
import airflow.configuration, airflow.settings
from urllib.parse import quote
from strongroom import _maskers, _reporting
from strongroom.memory import MemoryBackend

SECRET, TOKEN = {SECRET!r}, {TOKEN!r}

def uri(number):
    password, token = quote(f"{{SECRET}}{{number}}", safe=""), quote(f"{{TOKEN}}{{number}}", safe="")
    return f"postgres://user{{number}}:{{password}}@db{{number}}.example.com/x?token={{token}}&sslmode=require"

def backend(**options):
    secrets = {{f"airflow/connections/c{{number}}": uri(number) for number in range(50)}}
    return MemoryBackend(secrets={{**secrets, "airflow/variables/my_token": "v/ canary-99"}}, **options)

def maskers():
    return [masker for masker, module in _maskers.loaded()]

def hidden(text, among=None):
    return all(masker.redact(text) == "***" for masker in among or maskers())
"""


def result(airflow: Airflow, body: str) -> Any:
    """The last line that a process prints, as JSON."""
    return airflow.python(PRELUDE + body, {}).must().json()


def test_registering_compiles_no_pattern_and_every_masker_hides(airflow: Airflow) -> None:
    found = result(
        airflow,
        """
compiled = []
for module in map(sys.modules.get, _maskers._MODULES):
    engine = getattr(module, "re2", None) or getattr(module, "re", None)
    if engine is not None:
        class Watched:
            compile = staticmethod(lambda pattern, *rest, its=engine: compiled.append(pattern) or its.compile(pattern))
            __getattr__ = staticmethod(lambda name, its=engine: getattr(its, name))
        setattr(module, "re2" if hasattr(module, "re2") else "re", Watched())
ours = backend()
for number in range(40):
    ours.get_conn_value(f"c{number}")
print(json.dumps({
    "compiled": sum(map(bool, compiled)),
    "maskers": len(maskers()),
    "hidden": all(hidden(f"{SECRET}{number}") and hidden(f"{TOKEN}{number}") for number in range(40)),
    "unread": maskers()[0].redact("v/ canary-99"),
    "benign": maskers()[0].redact("require"),
}))
""",
    )
    assert found["maskers"] >= 1
    del found["maskers"]
    assert found == {"compiled": 0, "hidden": True, "unread": "v/ canary-99", "benign": "require"}


def test_a_masker_is_reset_copied_pickled_and_subclassed_as_before(airflow: Airflow) -> None:
    found = result(
        airflow,
        """
ours = backend()
ours.get_conn_value("c1")
masker = maskers()[-1]
secret = f"{SECRET}1"
copies = {
    "copy": copy.copy(masker),
    "deep copy": copy.deepcopy(masker),
    "pickle": pickle.loads(pickle.dumps(masker)),
}
class Redactor(type(masker)):
    \"\"\"As OpenLineage makes it.\"\"\"
redactor = Redactor()
redactor.patterns, redactor.replacer = masker.patterns, masker.replacer
copies["subclass"] = redactor
before = {name: hidden(secret, [each]) for name, each in copies.items()}
texts = {re.sub(r"\\\\(.)", r"\\1", pattern) for pattern in masker.patterns}
patterns = type(masker.patterns).__name__, secret in texts
text = masker.replacer.pattern
for each in maskers():
    each.patterns = set()
    each.replacer = None
after = {name: hidden(secret, [each]) for name, each in copies.items()}
reset = masker.redact(secret), masker.replacer
ours.get_conn_value("c1")
print(json.dumps({"before": before, "after": after, "patterns": patterns, "reset": reset, "again": hidden(secret),
                  "text": re.compile(text).search(secret) is not None}))
""",
    )
    assert found == {
        "before": dict.fromkeys(("copy", "deep copy", "pickle", "subclass"), True),
        # A copy keeps its texts, as with Airflow's own masker.
        "after": dict.fromkeys(("copy", "deep copy", "pickle", "subclass"), True),
        "patterns": ["set", True],
        "reset": [f"{SECRET}1", None],
        "again": True,
        "text": True,
    }


def test_what_other_code_adds_to_a_masker_is_hidden_too(airflow: Airflow) -> None:
    found = result(
        airflow,
        """
backend()
masker = maskers()[-1]
masker.patterns.add(re.escape("added by hand"))
by_hand = masker.redact("added by hand")
masker.patterns.add(r"card \\d{4}")
by_pattern = masker.redact("card 1234 added by hand")
masker.replacer = re.compile("set by hand")
print(json.dumps([by_hand, by_pattern, masker.redact("set by hand, added by hand")]))
""",
    )
    assert found == ["***", "*** ***", "***, ***"]


@pytest.mark.needs("logging that is configured again")
def test_a_second_configuration_of_logging_is_followed_by_the_next_lookup(airflow: Airflow) -> None:
    found = result(
        airflow,
        """
from airflow.logging_config import configure_logging
ours = backend()
ours.get_conn_value("c1")
first = maskers()
configure_logging()
new = [each for each in maskers() if not any(each is known for known in first)]
without = [each.redact(f"{SECRET}1") for each in new]
ours.get_conn_value("c1")
print(json.dumps({"new": len(new), "without": without, "hidden": hidden(f"{SECRET}1", new)}))
""",
    )
    assert found == {"new": 1, "without": [f"{SECRET}1"], "hidden": True}


def test_an_unexpected_masker_is_used_unchanged(airflow: Airflow) -> None:
    found = result(
        airflow,
        """
class Noted(logging.Handler):
    def emit(self, record):
        notes.append((record.levelname, record.getMessage()))
notes, registered = [], []
logging.getLogger("strongroom").addHandler(Noted())
logging.getLogger("strongroom").setLevel("DEBUG")
modules = [sys.modules[name] for name in _maskers._MODULES if "SecretsMasker" in vars(sys.modules.get(name, re))]
_maskers._done.clear()
for module in modules:
    odd = lambda self, secret, name=None: registered.append(secret)
    module.SecretsMasker.add_mask = odd
ours = backend()
value = ours.get_conn_value("c1")
ours.get_conn_value("c2")
print(json.dumps({
    "value": value == uri(1),
    "registered": all(text in registered for text in (uri(1), f"{SECRET}1", f"{TOKEN}1")),
    "levels": sorted({level for level, _ in notes}),
    "notes": len(notes) == len(modules),
    "left": [module.SecretsMasker.add_mask.__name__ for module in modules] == ["<lambda>"] * len(modules),
    "shown": [text for _, text in notes if "canary" in text],
}))
""",
    )
    assert found == {"value": True, "registered": True, "levels": ["DEBUG"], "notes": True, "left": True, "shown": []}


@pytest.mark.needs("connections of the Task SDK")
def test_children_hide_what_their_parent_knew_and_what_they_read(airflow: Airflow) -> None:
    found = result(
        airflow,
        """
ours = backend()
ours.get_conn_value("c1")
stop = threading.Event()
def register_and_log():
    number = 0
    while not stop.is_set():
        number += 1
        for masker in maskers():
            masker.add_mask(f"canary of a thread {number % 500}")
            masker.redact("a line that holds nothing")
        time.sleep(0.002)
threading.Thread(target=register_and_log, daemon=True).start()
codes = {}
for _ in range(2000):
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(20)
        ours.get_conn_value("c2")
        os._exit(0 if hidden(f"{SECRET}1") and hidden(f"{SECRET}2") else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    codes[code] = codes.get(code, 0) + 1
stop.set()
print(json.dumps(codes))
""",
    )
    assert found == {"0": 2000}


# Sending to the supervisor. The parent plays the supervisor: it has the matcher, forks, and reads what the child sends.

SUPERVISED = """
import socket
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import CommsDecoder, _ResponseFrame
import msgspec

def supervised(work, parent_is_ours=True):
    ours = backend() if parent_is_ours else None
    here, there = socket.socketpair()
    child = os.fork()
    if child == 0:
        here.close()
        task_runner.SUPERVISOR_COMMS = CommsDecoder(socket=there)
        work(ours or backend())
        os._exit(0)
    there.close()
    sent = []
    while length := here.recv(4):
        body = b""
        while len(body) < int.from_bytes(length, "big"):
            body += here.recv(65536)
        number, message = msgspec.msgpack.decode(body)[:2]
        sent.append(message["value"] if message["type"] == "MaskSecret" else message["type"])
        here.sendall(_ResponseFrame(id=number).as_bytes())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return sent

def airflows_own():
    from airflow.sdk.execution_time.comms import GetVariable
    task_runner.SUPERVISOR_COMMS.send(GetVariable(key="k"))

def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def on_loop(work):
    import asyncio
    async def main():
        work()
    asyncio.run(main())

def has(sent, number):
    return [isinstance(message, list) and f"{SECRET}{number}" in message for message in sent]
"""


@pytest.mark.needs("a supervisor")
def test_the_supervisor_gets_a_text_once_and_with_the_next_lookup_of_a_cached_value(airflow: Airflow) -> None:
    found = result(
        airflow,
        SUPERVISED
        + """
def work(ours):
    channel = task_runner.SUPERVISOR_COMMS
    del task_runner.SUPERVISOR_COMMS
    ours.get_conn_value("c1")
    task_runner.SUPERVISOR_COMMS = channel
    for _ in range(3):
        ours.get_conn_value("c1")
        ours.get_variable("my_token")
sent = supervised(work)
print(json.dumps({"messages": len(sent), "connection": has(sent, 1), "variable": "v/ canary-99" in sent[1]}))
""",
    )
    assert found == {"messages": 2, "connection": [True, False], "variable": True}


@pytest.mark.needs("a supervisor")
def test_a_supervisor_without_our_matcher_is_sent_nothing_more(airflow: Airflow) -> None:
    work = 'print(json.dumps(supervised(lambda ours: ours.get_conn_value("c1"), parent_is_ours=False)))'
    assert result(airflow, SUPERVISED + work) == []


@pytest.mark.needs("a supervisor")
def test_what_a_thread_or_a_loop_reads_is_sent_as_soon_as_the_sdk_allows(airflow: Airflow) -> None:
    found = result(
        airflow,
        SUPERVISED
        + """
capability = ("loop check" if hasattr(CommsDecoder, "_is_on_loop_thread")
              else "lock" if hasattr(CommsDecoder, "_thread_lock") else "none")
print(json.dumps({
    "capability": capability,
    "thread": has(supervised(lambda ours: in_thread(lambda: ours.get_conn_value("c1")) or airflows_own()), 1),
    "loop": has(supervised(lambda ours: on_loop(lambda: ours.get_conn_value("c2")) or airflows_own()), 2),
    "next lookup": has(supervised(
        lambda ours: on_loop(lambda: ours.get_conn_value("c3")) or ours.get_variable("my_token")), 3),
}))
""",
    )
    del found["capability"]
    # At once, or before the message that Airflow itself sends; with the next lookup in one message.
    assert found["thread"] == found["loop"] == [True, False]
    assert found["next lookup"] in ([True], [True, False])


@pytest.mark.needs("a supervisor")
def test_a_refusal_of_the_channel_keeps_the_texts(airflow: Airflow) -> None:
    found = result(
        airflow,
        SUPERVISED
        + """
def work(ours):
    channel_class, send = CommsDecoder, CommsDecoder.send
    def refuse(self, msg):
        raise RuntimeError("not now")
    CommsDecoder.send = refuse
    value = ours.get_conn_value("c1")
    CommsDecoder.send = send
    assert value == uri(1)
    time.sleep(1.2)  # past the pause of 1 s after a failed attempt
    ours.get_variable("my_token")
print(json.dumps(has(supervised(work), 1)))
""",
    )
    assert found == [True]


def test_the_last_line_of_a_process_is_read(airflow: Airflow) -> None:
    """Otherwise the assertions above would pass without reading the last line."""
    assert result(airflow, "print(json.dumps({'a': 1}))") == json.loads('{"a": 1}')
