"""A day of Airflow against a store that throttles: the official class and Strongroom, in virtual time.

`benches/day/` contains the simulation. This module runs it, lets the official class itself call a server that
throttles, to check the model of it, and writes `docs/day.md`. Run it with `make bench`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
DOLLARS_PER_CALL = 0.05 / 10_000
SECONDS_OF_A_DAY = 86_400
FILES, LOOKUPS_PER_PARSE = 120, 4
#: Names in the store that the day asks for, and those that are absent; the times to live of both, in seconds.
PRESENT, ABSENT = 60, 11
DEFAULT_TTLS, LONG_TTLS = (60, 15), (600, 600)
#: The clients of the calibration, the lookups of each, and the server's rate and latency in milliseconds.
CLIENTS, LOOKUPS, RATE, LATENCY = 8, 25, 10, 20

Day = dict[str, Any]

ASK = f"""
import json, threading
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
import os

def backend():
    return SecretsManagerBackend(region_name="eu-central-1", endpoint_url=os.environ["STUB"])

clients = [backend() for _ in range({CLIENTS})]
for client in clients:
    client.client
errors = []

def ask(client):
    for _ in range({LOOKUPS}):
        try:
            client.get_variable("hello")
        except Exception as error:
            errors.append(type(error).__name__)

threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(dict(errors=len(errors), kinds=sorted(set(errors)))))
"""

INTRODUCTION = """\
# A day of Airflow

What a day costs with the official class and with Strongroom when the store allows 40 calls a second: calls, money,
lookups that fail, and how long lookups take. Made by `make bench`, in virtual time: the layers of Strongroom (cache,
limit, retry, timeout, bundle, prefetch) and [the agent](agent.md) are the ones of production, the store and the
official class are models. The same seed plays the same day each time.

"""
ASSUMPTIONS = """
## The day

| part | what it does |
|---|---|
| DAG processor | 120 files, each parsed again 30 s after its last parse, by 2 processes at a time (Airflow's \
defaults). Each parse is a process of its own, takes 0.1 to 0.4 s, and looks up 4 times at the top level: a variable \
that all files share, twice, and a variable and a connection of the file's own |
| tasks | 80 DAGs run each hour with 3 tasks in a row, 40 at midnight with 10; 32 tasks run at a time (Airflow's \
default). Each is a process of its own: it imports its file (4 lookups), then asks for a variable and for two \
connections, each twice (5 lookups), and works for 20 to 90 s |
| triggerer | one process, in which 50 triggers each ask for one of 10 connections every minute |
| scheduler | one process, which asks for one of two connections every minute |

Of 40 connections and 30 variables every sixth is absent from the store, as it is where Airflow's database holds some.
All parts share the store's 40 calls a second.

- **The store** is a bucket of 40 tokens that fills by 40 a second. What finds it empty is answered as AWS does:
  status 400, ThrottlingException. Every call takes exactly the time in the table. Secrets Manager itself allows
  far more; an account whose share is small, a store of another kind or a proxy may allow less.
- **The official class** makes one `GetSecretValue` for each lookup and has no cache. It tries 3 times in all
  and waits a random part of 1 s and 2 s, as botocore 1.44.5 does by default; *legacy retries* are 5 attempts
  with waits of a random part of 1, 2, 4 and 8 s, the default of older botocore. Its start, over 100 ms of CPU
  for each process ([benchmarks.md](benchmarks.md)), is left out, as is the start of Strongroom.
- **Money** is the list price of Secrets Manager, 0.05 USD for 10,000 calls
  ([AWS](https://aws.amazon.com/secrets-manager/pricing/)), with every call counted, also those that are
  throttled. A `BatchGetSecretValue` of up to 20 names counts as one.
- **The agent** is asked without a socket, which would take some 50 µs a lookup, and by every process from the first
  lookup on. A process keeps an answer as long as the agent would repeat it.
- **On the server** each part of Airflow has one process that lives all day and asks the store: the API server for
  the tasks, the manager of the DAG processor for its files, the triggerer, the scheduler.
- A lookup that fails raises, and Airflow continues with its next source. Here the process continues with its other
  lookups.
- Airflow's `[secrets] use_cache`, which shares variables between parsing processes and is off by default, is
  off.
"""


class Throttling(ThreadingHTTPServer):
    """A server that allows so many calls a second."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.calls = 0
        self.tokens, self.filled = float(RATE), time.monotonic()

    def take(self) -> bool:
        """Counts a call; returns whether it is allowed."""
        with self.lock:
            self.calls += 1
            now = time.monotonic()
            self.tokens = min(RATE, self.tokens + (now - self.filled) * RATE)
            self.filled = now
            allowed = self.tokens >= 1
            self.tokens -= allowed
            return allowed


class Handler(BaseHTTPRequestHandler):
    """Answers as Secrets Manager does."""

    protocol_version = "HTTP/1.1"
    server: Throttling
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """One call."""
        self.rfile.read(int(self.headers["Content-Length"]))
        allowed = self.server.take()
        time.sleep(LATENCY / 1000)
        secret = {"Name": "hello", "SecretString": "world"}
        content = json.dumps(secret if allowed else {"__type": "ThrottlingException", "message": "Rate exceeded"})
        self.send_response(200 if allowed else 400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """No output."""


def official() -> Day:
    """The result of the official class with a server that throttles."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW"))}
    with Throttling() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment |= {
            "STUB": f"http://127.0.0.1:{server.server_address[1]}",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AIRFLOW_HOME": str(REPOSITORY / ".cache" / "bench"),
            "NO_PROXY": "*",
        }
        command = [sys.executable, "-c", ASK]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        server.shutdown()
    if done.returncode:
        raise RuntimeError(f"the official class failed:\n{done.stderr}")
    day: Day = json.loads(done.stdout.splitlines()[-1])
    return {**day, "calls": server.calls, "lookups": CLIENTS * LOOKUPS}


def simulated(program: str, *arguments: object) -> list[Day]:
    """The results of the simulation."""
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def total(day: Day, what: str) -> int:
    """The total of all parts."""
    return sum(part[what] for part in day["parts"].values())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def day_row(day: Day) -> list[str]:
    """The row of a variant at a latency."""
    made = total(day, "calls")
    return [
        f"{day['latency']} ms",
        day["variant"],
        f"{made:,}",
        f"{made * DOLLARS_PER_CALL:.2f}",
        f"{day['throttled']:,}",
        f"{total(day, 'errors'):,}",
        f"{day['parts']['tasks']['spoiled']:,}",
        " / ".join(map(str, day["waits"][:3])),
        every(day),
    ]


def part_rows(days: Sequence[Day]) -> Iterable[list[str]]:
    """The rows of calls and errors by part."""
    for part in days[0]["parts"]:
        for day in days:
            counts = day["parts"][part]
            if not counts["lookups"] and not counts["calls"]:
                continue
            per_lookup = f"{counts['calls'] / counts['lookups']:.2f}" if counts["lookups"] else "-"
            waits = " / ".join(map(str, counts["waits"][:3]))
            yield [
                part,
                day["variant"],
                f"{counts['lookups']:,}",
                f"{counts['calls']:,}",
                per_lookup,
                f"{counts['errors']:,}",
                waits,
            ]


def find(days: Sequence[Day], variant: str) -> Day:
    """The result of a variant at 20 ms."""
    return next(day for day in days if day["latency"] == 20 and variant in day["variant"])


def thousand(day: Day, *parts: str) -> str:
    """The calls of some parts, or of all."""
    made = sum(day["parts"][part]["calls"] for part in parts or day["parts"])
    return f"{made / 1000:,.0f} thousand"


def fate(day: Day) -> str:
    """The share of tasks that fail."""
    return f"{day['parts']['tasks']['spoiled']:,}"


def every(day: Day) -> str:
    """How often a file is parsed."""
    return f"{SECONDS_OF_A_DAY * FILES * LOOKUPS_PER_PARSE / day['parts']['parsing']['lookups']:.0f} s"


def bound(ttls: tuple[int, int]) -> float:
    """The calls of a cache that asks for every name as soon as it has expired, all day long."""
    present, absent = ttls
    return SECONDS_OF_A_DAY * (PRESENT / present + ABSENT / absent)


def of_bound(day: Day, ttls: tuple[int, int]) -> str:
    """The calls of a day as a share of the bound."""
    return f"{total(day, 'calls') / bound(ttls):.2f}"


def reading(days: Sequence[Day]) -> str:
    """The conclusions from the figures at 20 ms."""
    agent, agent_long, server, server_long = (
        find(days, words)
        for words in ("`agent`", "`agent`, ttls", "Strongroom on the server", "Strongroom on the server, ttls")
    )
    words = ("official class", "defaults", "max_attempts", "rate_limit", "bundle", "prefetch", "legacy")
    official, ours, three, limited, bundle, prefetch, legacy = (find(days, word) for word in words)
    share = ours["parts"]["parsing"]["calls"] / total(ours, "calls")
    return f"""
## What to read from it

- **A cache within a process does little for DAG files.** {share:.0%} of all calls are of parsing, and each
  parse is a new process that knows nothing. All that the cache saves there is the name that a file asks for
  twice ({thousand(official, "parsing")} calls become {thousand(ours, "parsing")}). Lookups at the top level of a DAG
  file are the expensive ones; a lookup within a task is made once a run, not every half minute.
- **It does much for processes that live**: the triggerer makes {thousand(ours, "triggerer")} calls instead of
  {thousand(official, "triggerer")}. Within a task it saves what the task asks for again: {thousand(ours, "tasks")}
  instead of {thousand(official, "tasks")}.
- **Five attempts, the default, carry the tasks over a rush.** When 32 tasks start within seconds, each is a process
  with attempts of its own, and nothing stale can be served to a process that has read nothing. With three attempts,
  which botocore has by now, {fate(three)} tasks miss a secret, with the official class {fate(official)}; with five
  {fate(ours)} do. With the five attempts of older botocore the official class loses {fate(legacy)}. The rows of
  `rate_limit`, `bundle` and `prefetch` are with `max_attempts: 3`, so that they show what these do by themselves.
- **`rate_limit` is a rate of one process**, so a share of 40 calls a second is one call a second for each of
  some 36 processes. Nothing is throttled then, but a file waits for its own share with idle calls elsewhere: it
  is parsed every {every(limited)} instead of every {every(ours)}, which is also why there are so few calls. It
  suits few long-lived processes, not many short ones.
- **`bundle` helps most**: two reads answer nearly all lookups of a process. {thousand(official)} calls become
  {thousand(bundle)}, and {fate(bundle)} of the tasks misses a secret. A lookup that the bundle cannot answer, here of
  an id in Airflow's database, costs a call of its own after it: see p99.
- **`prefetch`** of 20 names, the shared variable and 19 others, pays where the names are those that processes
  ask for: {thousand(prefetch)} calls, and {fate(prefetch)} tasks miss a secret.
- **One process that reads for the host** makes calls by name and time, not by lookup: {thousand(agent)} with the
  [agent](agent.md), {of_bound(agent, DEFAULT_TTLS)} times what a cache makes that asks for each of the {PRESENT} names
  every minute and for the {ABSENT} absent ones every 15 s, and {total(agent, "errors"):,} lookups fail. With
  `cache_ttl` and `cache_negative_ttl` of ten minutes it makes {total(agent_long, "calls"):,} calls,
  {of_bound(agent_long, LONG_TTLS)} times those of such a cache; a secret that was replaced is then seen within ten
  minutes, not within one. It refreshes what is in use at 90 % of its time to live, so it makes up to 1.11 times the
  calls of a cache that waits.
- **[On the server](on-the-server.md)** the processes of Airflow's server ask for all others, each with a cache of its
  own: {thousand(server)} at the defaults, {total(server_long, "calls"):,} calls with ten minutes. The round trip
  through Airflow, 5 to 30 ms for each lookup of a task or a file, is left out here.
- At 100 ms two parsing processes cannot keep up with 120 files, so they make fewer lookups; compare calls per
  lookup.
- The percentiles over all lookups hide the rush, since nearly all lookups are of parsing. The table by part
  shows it.
"""


def calibration(real: Day, model: Day) -> str:
    """The model compared with the class."""
    rows = [
        [who, f"{day['calls'] / day['lookups']:.2f}", f"{day['errors'] / day['lookups']:.0%}"]
        for who, day in (("official class", real), ("model", model))
    ]
    packages = ", ".join(f"{name} {version(name)}" for name in ("apache-airflow-providers-amazon", "botocore"))
    return (
        "\n## Is the model right?\n\n"
        f"{CLIENTS} clients ask {LOOKUPS} times each, without a pause, at a real server on the loopback that allows "
        f"{RATE} calls a second and\ntakes {LATENCY} ms: the official class itself ({packages}),\nin real time, and "
        "the model, in virtual time. The waits are random, so the two differ a little, and from run to run.\n\n"
        + table(("", "calls per lookup", "lookups that fail"), rows)
    )


def page(days: Sequence[Day], real: Day, model: Day) -> str:
    """The documentation page."""
    head = ("latency", "class", "calls", "USD", "throttled", "failed lookups", "tasks with one")
    figures = table((*head, "p50 / p99 / p99.9, ms", "a file is parsed every"), map(day_row, days))
    few = [day for day in days if day["latency"] == 20 and not {"legacy", "ttls"} & set(day["variant"].split())]
    head = ("part", "class", "lookups", "calls", "calls per lookup", "failed", "p50 / p99 / p99.9, ms")
    parts = "\n## By part, at 20 ms\n\n" + table(head, part_rows(few))
    return INTRODUCTION + figures + reading(days) + parts + ASSUMPTIONS + calibration(real, model)


def main() -> None:
    """Simulates, calibrates and writes the page."""
    program = sys.argv[1]
    days = simulated(program)
    (model,) = simulated(program, "calibrate", CLIENTS, LOOKUPS, RATE, LATENCY)
    text = page(days, official(), model)
    (REPOSITORY / "docs" / "day.md").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
