"""Each login to Vault as a pytest fixture: set up on a server behind a counting proxy, with the options for the login.

They include wrong options, which must be refused, and secrets that must not appear anywhere: see ``Login``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers import vault_front, vault_logins
from tests.servers.aws import Credentials, MiniStack
from tests.servers.cloud_identity import Entra, Google, entra_double
from tests.servers.counting import Counter, counting_proxy
from tests.servers.directories import Cluster, Directory
from tests.servers.double import Answer, serving
from tests.servers.signer import Signer
from tests.servers.tls import Certificate
from tests.servers.vault import Vault
from tests.servers.vault_front import Method
from tests.servers.vault_logins import Login, new_secret

SERVER_ID = "vault.example.org"
RESOURCE = "https://vault.example.org"


@dataclass
class Place:
    """A Vault with three variables, and the proxy that counts its requests."""

    vault: Vault
    policy: str
    counter: Counter
    #: Logins that OpenBao lacks, by mount; filled before the first lookup.
    methods: dict[str, Method] = field(default_factory=dict)

    def asked(self) -> list[str]:
        """The requests since this was last called, as ``METHOD path``."""
        calls = [f"{call.method} {call.path}" for call in self.counter.calls]
        self.counter.clear()
        return calls


@pytest.fixture
def vault_place(vault: Vault) -> Iterator[Place]:
    """OpenBao behind the front with the cloud logins, behind a counting proxy."""
    for name in ("a", "b", "c"):
        vault.put(f"variables/{name}", {"value": f"value of {name}"})
    policy = vault.policy({"secret/data/variables/*": ["read"]})
    methods: dict[str, Method] = {}
    with vault_front.vault_front(vault, policy, methods) as front, counting_proxy(front.url) as counter:
        yield Place(vault, policy, counter, methods)


@pytest.fixture(scope="session")
def entra_tenant() -> Entra:
    """A tenant of Azure."""
    return Entra()


@pytest.fixture(scope="session")
def google_account() -> Google:
    """A service account of Google."""
    return Google()


@pytest.fixture(scope="module")
def aws_caller(aws_server: MiniStack) -> tuple[Credentials, str]:
    """A user of AWS, and its ARN."""
    user = aws_server.user()
    return user, str(aws_server.client("sts", user).get_caller_identity()["Arn"])


@pytest.fixture
def azure_login(
    vault_place: Place, entra_tenant: Entra, tls: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Login]:
    """An application with a secret, on a machine with an identity of its own."""
    vault_place.methods["azure"] = vault_front.azure(entra_tenant.signer, RESOURCE, "airflow", entra_tenant.principal)
    with entra_double(entra_tenant, tls) as entra, entra_double(entra_tenant) as machine:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", entra.url)
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.authority))
        options = {"auth_type": "azure", "azure_tenant_id": entra_tenant.tenant, "azure_resource": RESOURCE}
        options |= {"role_id": "airflow", "key_id": entra_tenant.client_id, "secret_id": entra_tenant.client_secret}
        wrong = {"secret_id": new_secret()}
        yield Login("auth/azure/login", options, wrong, (entra_tenant.client_secret,))


@pytest.fixture
def gcp_login(vault_place: Place, google_account: Google) -> Login:
    """A service account with its key."""
    vault_place.methods["gcp"] = vault_front.gcp(google_account.signer, google_account.email, "airflow")
    options = {
        "auth_type": "gcp",
        "gcp_scopes": "scope",
        "role_id": "airflow",
        "gcp_keyfile_dict": google_account.key_file(),
    }
    stranger = Google(Signer(google_account.signer.name), google_account.email)
    body = google_account.signer.private_pem().split("\n")[1:3]
    return Login("auth/gcp/login", options, {"gcp_keyfile_dict": stranger.key_file()}, tuple(body))


@pytest.fixture
def aws_iam_login(vault_place: Place, aws_server: MiniStack, aws_caller: tuple[Credentials, str]) -> Login:
    """A user of AWS, at a Vault that requires its own name to be signed."""
    user, arn = aws_caller
    vault_place.methods["aws"] = vault_front.aws(aws_server, "airflow", arn, SERVER_ID)
    options = {"auth_type": "aws_iam", "role_id": "airflow", "iam_server_id": SERVER_ID}
    options |= {"key_id": user.access_key, "secret_id": user.secret_key, "region": "us-east-1"}
    return Login("auth/aws/login", options, {"secret_id": new_secret()}, (user.secret_key,))


@pytest.fixture
def github_login(vault_place: Place) -> Login:
    """The owner of a personal token."""
    token = new_secret()
    vault_place.methods["github"] = vault_front.github(token)
    return Login("auth/github/login", {"auth_type": "github", "token": token}, {"token": new_secret()}, (token,))


@pytest.fixture
def approle_login(vault_place: Place) -> Login:
    """A role with a secret id."""
    return vault_logins.approle(vault_place.vault, vault_place.policy)


@pytest.fixture
def userpass_login(vault_place: Place) -> Login:
    """A user at a mount with another name."""
    login = vault_logins.userpass(vault_place.vault, vault_place.policy, "people")
    return Login(login.path, {**login.options, "auth_mount_point": "people"}, login.wrong, login.canaries)


@pytest.fixture
def jwt_login(vault_place: Place, signer: Signer) -> Login:
    """A token whose key Vault knows."""
    return vault_logins.jwt(vault_place.vault, vault_place.policy, signer)


@pytest.fixture
def jwt_of_a_key_set_login(vault_place: Place, signer: Signer) -> Iterator[Login]:
    """A token whose key Vault fetches."""
    with serving(lambda request: Answer(200, signer.key_set())) as keys:
        yield vault_logins.jwt(vault_place.vault, vault_place.policy, signer, jwks_url=f"{keys.url}/keys")


@pytest.fixture
def kubernetes_login(vault_place: Place, kubernetes_cluster: Cluster, tls: Certificate, tmp_path: Path) -> Login:
    """The service account of a pod."""
    return vault_logins.kubernetes(vault_place.vault, vault_place.policy, kubernetes_cluster, tls.authority, tmp_path)


@pytest.fixture
def ldap_login(vault_place: Place, ldap_users: Directory) -> Login:
    """A user of a directory."""
    return vault_logins.ldap(vault_place.vault, vault_place.policy, ldap_users)


@pytest.fixture
def radius_login(vault_place: Place, radius_users: Directory) -> Login:
    """A user of a RADIUS server, whose own secret is in the options too, as the official class expects."""
    return vault_logins.radius(vault_place.vault, vault_place.policy, radius_users)
