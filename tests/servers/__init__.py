"""Real servers for the tests: each a context manager that starts on a free port and leaves nothing behind.

``process``  starts and ends one server process, and waits for it with a deadline
``aws``      ministack: Secrets Manager, IAM and STS with checked signatures; helpers to fill it
``vault``    OpenBao, with the API of HashiCorp Vault: KV stores, policies, namespaces, logins; helpers to fill it
``faults``   microburst: throttling, errors, delays and broken bodies between a client and a server
``counting`` a proxy that writes down every request it passes on, with TLS if asked
``silent``   a server that never answers
``tls``      a certificate authority of our own, and the one server that speaks TLS: what else serves stands on it
``vault_logins`` sets up the logins that OpenBao has; ``directories`` whom it asks: LDAP, RADIUS, Kubernetes
``vault_front`` puts a front before OpenBao, with the logins of clouds that only Vault has
``double``   what doubles are made of; ``signer`` makes and checks JSON web tokens
``cloud_identity`` plays where a machine learns who it is in Azure and in Google Cloud
``fixtures``, ``vault_fixtures`` and ``vault_login_fixtures`` the same as pytest fixtures

The programs come from the environment pinned in ``tests/requirements/servers.txt``; ``STRONGROOM_SERVERS`` names its
folder (default ``.cache/venvs/servers``).
"""
