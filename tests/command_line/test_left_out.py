"""What `list`, `describe` and `explain` say of secrets that are left out by tags."""

from __future__ import annotations

from tests.command_line.shell import DONE, NO, Shell
from tests.python.backends import READ, anywhere
from tests.servers.aws import MiniStack, allow
from tests.servers.counting import Counter


def test_a_listing_asks_for_the_tag_and_explain_names_it(aws: MiniStack, counted: Counter, shell: Shell) -> None:
    """Three secrets, two of which match."""
    client = aws.client("secretsmanager")
    for name, team in (("a", "data"), ("b", "data"), ("c", "other")):
        tags = [{"Key": "team", "Value": team}]
        client.create_secret(Name=f"airflow/variables/{name}", SecretString="x", Tags=tags)
    user = aws.user(READ, allow("secretsmanager:DescribeSecret", "airflow/*"), anywhere("ListSecrets"))
    shell.aws_backend("aws", counted.url, user, filter_on_tags={"team": "data"})
    listed = shell.run("list", "variables", "--json")
    assert (listed.code, [secret["id"] for secret in listed.json["secrets"]]) == (DONE, ["a", "b"]), listed.out
    assert shell.run("describe", "variable", "c").code == NO
    explained = shell.run("explain", "variable", "c")
    assert explained.code == NO
    assert "exists, but it has no tag `team=data`, as `filter_on_tags` asks" in explained.out
