"""Short Python programs in their own processes: threads, forks and signals disturb no other test there."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.servers.aws import REGION, clean_environment

PRELUDE = """
    import faulthandler, multiprocessing, os, signal, sys, threading, time, warnings
    from strongroom.aws import SecretsManagerBackend

    # What Python does itself, but not where a shell has started the tests in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def backend(url, **options):
        given = {"region_name": %r, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return SecretsManagerBackend(**{**given, "endpoint_url": url, **options})

    def threads():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))

    def threads_soon(wanted):
        deadline = time.monotonic() + 5
        while threads() != wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        return threads()

    def child(work):
        pid = os.fork()
        if pid == 0:
            try:
                work()
            except BaseException as error:
                print("child:", repr(error), file=sys.stderr)
                os._exit(1)  # not sys.exit: handlers of the parent must not run here
            os._exit(0)
        return pid

    def ended(pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def reads(reader, key, expected):
        def look_up():
            assert reader.get_variable(key) == expected
        return look_up

    def fork_under_load(lookups, forks, in_child=lambda look_up: look_up()):
        "Forks while two threads make each of two lookups again and again; each child makes one of them."
        stop, errors, done = threading.Event(), [], [0]

        def busy(look_up):
            while not stop.is_set():
                try:
                    look_up()
                    done[0] += 1
                except BaseException as error:
                    errors.append(error)
                    return

        workers = [threading.Thread(target=busy, args=(look_up,), daemon=True) for look_up in lookups * 2]
        for worker in workers:
            worker.start()

        def work():
            faulthandler.dump_traceback_later(30)
            signal.alarm(60)
            in_child(lookups[os.getpid() %% 2])

        for number in range(forks):
            code = ended(child(work))
            assert code == 0, (number, code, errors)
        stop.set()
        for worker in workers:
            worker.join(30)
            assert not worker.is_alive()
        assert errors == [], errors
        assert done[0] > 0
"""


def script(body: str) -> list[str]:
    """The command that runs ``body`` with the helpers above."""
    return [sys.executable, "-c", textwrap.dedent(PRELUDE % REGION) + textwrap.dedent(body)]


def environment() -> dict[str, str]:
    """Our environment without anything that configures an AWS client."""
    return clean_environment() | {"PYTHONPATH": ":".join(sys.path)}


def run(body: str, *arguments: str, timeout: float = 120) -> str:
    """Runs ``body`` and returns what it prints; a hang or a failure is an error."""
    done = subprocess.run(
        [*script(body), *arguments], env=environment(), capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
