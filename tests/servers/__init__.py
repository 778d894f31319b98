"""Real servers for the tests: each a context manager that starts on a free port and leaves nothing behind.

``process``  starts and ends one server process, and waits for it with a deadline
``aws``      ministack: Secrets Manager, IAM and STS with checked signatures; helpers to fill it
``vault``    OpenBao, with the API of HashiCorp Vault: KV stores, policies, namespaces, logins; helpers to fill it
``faults``   microburst: throttling, errors, delays and broken bodies between a client and a server
``counting`` a proxy that records every request it passes on, with TLS if asked
``silent``   a server that never answers
``tls``      a certificate authority of our own, and the HTTP server that speaks TLS, which the other servers use
``vault_logins`` sets up the logins that OpenBao has; ``directories`` the services it asks: LDAP, RADIUS, Kubernetes
``vault_front`` puts a front before OpenBao, with the cloud logins that only Vault has
``double``   the base of the doubles; ``signer`` makes and checks JSON web tokens
``cloud_identity`` plays the services from which a machine gets its identity in Azure and in Google Cloud
``databases`` PostgreSQL and MariaDB with a table of sealed values; ``lines`` breaks connections to any server
``sealed``   seals values as `docs/sealed-values.md` describes it
``fixtures``, ``vault_fixtures`` and ``vault_login_fixtures`` the same as pytest fixtures

The programs come from the environment pinned in ``tests/requirements/servers.txt``; ``STRONGROOM_SERVERS`` names its
folder (default ``.cache/venvs/servers``).
"""
