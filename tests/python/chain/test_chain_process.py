"""A chain in a process that forks under load."""

from __future__ import annotations

import pytest

from tests.python.scripts import run
from tests.servers.aws import MiniStack
from tests.servers.counting import counting_proxy
from tests.servers.silent import silent_server


@pytest.mark.parametrize("forks", [2000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_forks_under_load_neither_hang_nor_fail(open_aws: MiniStack, forks: int) -> None:
    """With an absence, an error and a value on the way, each asked anew or from a short-lived cache."""
    body = """
        from strongroom.chain import ChainBackend

        near = {"name": "near", "store": "memory", "secrets": {}}
        broken = {"name": "broken", "store": "vault", "url": "http://127.0.0.1:1", "token": "t", "on_error": "next"}
        far = {"name": "far", "store": "aws_secrets_manager", "region_name": "eu-central-1"}
        far |= {"aws_access_key_id": "test", "aws_secret_access_key": "test", "endpoint_url": sys.argv[1]}
        uncached = ChainBackend(stores=[near, far], cache_ttl=0)
        cached = ChainBackend(stores=[near, broken, far], max_attempts=1, cache_ttl="10ms", cache_negative_ttl="10ms")
        fork_under_load([reads(uncached, "hello", "world"), reads(cached, "hello", "world")], int(sys.argv[2]))
    """
    open_aws.put_secrets({"airflow/variables/hello": "world"})
    with counting_proxy(open_aws.url) as counter:
        run(body, counter.url, str(forks), timeout=forks)


def test_a_signal_cuts_a_chain_that_hangs_in_its_first_member() -> None:
    """As in a lookup of one store."""
    body = """
        from strongroom.chain import ChainBackend

        first = {"name": "first", "store": "vault", "url": sys.argv[1], "token": "t", "on_error": "next"}
        backend = ChainBackend(stores=[first, {"store": "memory", "secrets": {}}], timeout="100s")
        signal.alarm(1)
        signal.signal(signal.SIGALRM, lambda number, frame: (_ for _ in ()).throw(InterruptedError("mine")))
        began = time.monotonic()
        try:
            backend.get_variable("hello")
        except InterruptedError as error:
            print(error, time.monotonic() - began < 5)
    """
    with silent_server() as url:
        assert run(body, url) == "mine True\n"
