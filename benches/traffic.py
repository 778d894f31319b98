"""How often the store is called, and the result when it refuses."""

from __future__ import annotations

from measure import AWS_CACHE, OFFICIAL, OURS, RUST_CACHE, run

COLD = """
{setup}
reader, start = backend(), threading.Barrier(64)
reader.get_variable("hello")
def work():
    start.wait()
    reader.get_variable("slow")
calls()
workers = [threading.Thread(target=work) for _ in range(64)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
report(answer=calls())
"""

ABSENT = """
{setup}
reader = backend()
reader.get_variable("hello")
calls()
for _ in range(100):
    try:
        reader.get_variable("absent")
    except Exception as error:
        assert "ResourceNotFound" in repr(error), error
report(answer=calls())
"""

THROTTLED = """
import logging
logging.disable()
{setup}
reader = backend({options})
assert reader.get_variable("hello") == "world"
throttle()
time.sleep(1.1)  # the value expires
try:
    answer = reader.get_variable("hello")
except Exception as error:
    answer = type(error).__name__
calls()
report(answer="the value" if answer == "world" else str(answer))
"""

#: The same with AWS's cache for Rust.
RUST = {
    "cold": 'calls()\nprogram("cold")\ntell(answer=calls())',
    "absent": 'calls()\nprogram("absent")\ntell(answer=calls())',
    "throttled": """
command = [os.environ["RUST_CACHE"], "throttled", os.environ["STUB"]]
with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
    assert reader.stdout.readline() == "ready\\n"
    throttle()
    answer = reader.communicate("\\n")[0].strip()
calls()
report(answer=answer)
""",
}

#: The measured peers, each with the options that let a value expire within a second.
SIDES = {
    "official class": (OFFICIAL, ""),
    "aws-secretsmanager-caching": (AWS_CACHE, "secret_refresh_interval=1"),
    "Strongroom": (OURS, "cache_ttl=1"),
}

ROWS = {
    "calls for 64 concurrent cold lookups of one key": (COLD, RUST["cold"]),
    "calls for 100 lookups of an absent key": (ABSENT, RUST["absent"]),
    "the result once the value has expired and the store throttles": (THROTTLED, RUST["throttled"]),
}


def table(stub: str) -> str:
    """The table in Markdown. Counts do not vary, so each is taken once."""
    lines = [f"| what | {' | '.join(SIDES)} | AWS's cache for Rust |", "|---" * (len(SIDES) + 2) + "|"]
    for what, (code, rust) in ROWS.items():
        answers = [run(code.format(setup=setup, options=options), stub) for setup, options in SIDES.values()]
        answers.append(run(RUST_CACHE + rust, stub))
        lines.append(f"| {what} | {' | '.join(str(reported['answer']) for reported in answers)} |")
    return "\n".join(lines)
