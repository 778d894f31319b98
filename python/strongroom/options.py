"""The keyword arguments of the backend classes, for editors and type checkers.

They are what `backend_kwargs` may hold. Every value may also come as text, as
`AIRFLOW__SECRETS__BACKEND_KWARG__<KEY>` delivers it. `make options` writes this file from the declarations in
the native core.
"""

from __future__ import annotations

from typing import Any, TypedDict


class CommonOptions(TypedDict, total=False):
    """What every backend takes."""

    connections_lookup_pattern: str
    """Only connection ids that match this regular expression from their start are looked up."""

    variables_lookup_pattern: str
    """Only variable keys that match this regular expression from their start are looked up."""

    config_lookup_pattern: str
    """Only config values whose name matches this regular expression from its start are looked up."""

    on_error: str
    """What becomes of an error: as the official class does, raise, miss, deny (denied lookups stop Airflow's
    search) or stop (every error does) (default `official`)."""

    log_misses: bool | str
    """Log one line at INFO for each lookup that finds nothing, with the names that were asked for (default
    `false`)."""

    bundle: Any
    """A secret that holds many connections, as a JSON object from ids to values; or an object that names one for
    connections, variables and config."""

    prefetch: Any
    """Ids, or patterns with * and ?, of connections that a process reads in one go at its first lookup; or an
    object of such lists for connections, variables and config."""

    agent: str
    """Whether one process of the host reads for all others: off, auto (the first lookup starts it), always (also
    in pods of the KubernetesExecutor and tasks with `run_as_user`), or the path of an agent's socket (default
    `off`)."""

    agent_idle: float | str
    """How long an agent that a lookup has started stays without clients (default `10m`)."""

    agent_group: Any
    """Other users that may ask an agent with a named socket: its group, the user that it runs as, and who may ask
    for which kinds, ids and teams."""

    agent_identity: str
    """Whom an agent in Kubernetes answers: the pod that it is part of (own), or every pod that reaches its
    socket, with its own identity (shared) (default `own`)."""

    audit_path: str
    """A file that gets one line of JSON for each access; an absolute path."""

    audit_max_bytes: int | str
    """The size at which the audit file becomes `<audit_path>.1`, replacing the one before; 0 leaves it to other
    tools (default `104857600`)."""

    audit_required: bool | str
    """Whether a lookup fails when its line cannot be written (default `false`)."""

    metrics: str
    """Where counts and durations of lookups go: off, to Airflow's own metrics (airflow), or to the global
    provider of OpenTelemetry (opentelemetry) (default `off`)."""

    references: Any
    """What a stored value may refer to with secret_coordinate::NAME: a list of objects, each with a member and a
    regular expression for names. Without it, a value with a reference is an error."""

    references_only: bool | str
    """Refuse values that hold a secret themselves: passwords and other secret fields have to be references
    (default `false`)."""

    path_template: str
    """How names are made in place of the default prefixes, such as {tenant}/{namespace:/}/{name}."""

    path_tenant: str
    """What {tenant} in `path_template` stands for."""

    path_namespace: str
    """What {namespace} in `path_template` stands for, such as company.team; a team of Airflow is its last
    part."""

    inherit: bool | str
    """Whether a secret that is absent in the namespace is looked for in each of its parents (default `false`)."""

    read_only: bool | str
    """Refuse every command that would change a secret, before any request (default `false`)."""

    tags: dict[str, Any] | str
    """Tags that every secret gets that `strongroom` writes: an object of texts. Other tags of a secret are
    kept."""

    cache_ttl: float | str
    """How long a value is served without asking the store; 0 stores nothing (default `60s`)."""

    cache_negative_ttl: float | str
    """How long an absent secret is remembered as absent; never longer than cache_ttl where only that is written
    (default `15s`)."""

    cache_max_stale: float | str
    """How long past its time to live a value is still served while the store does not answer; 0 is never (default
    `10m`)."""

    cache_ttl_patterns: dict[str, float | str] | str
    """Other values of cache_ttl by name: an object of regular expressions, matched from the start of the name in
    the store."""

    cache_max_entries: int | str
    """The most values kept; absent secrets have a bound of the same size of their own (default `1000`)."""

    cache_max_bytes: int | str
    """The most bytes that the values kept have together (default `16777216`)."""

    rate_limit: int | str
    """The most calls of this process in some time, such as 40/s; all its backends on the same store share it."""

    timeout: float | str
    """The deadline of a whole lookup: waiting, logging in, reading and retrying (default `10s`)."""

    max_attempts: int | str
    """How often one read is tried in all, the first time included (default `5`)."""

    filter_on_tags: Any
    """Only secrets that have all of these tags are read; the others count as absent."""

    excluded_tags: Any
    """Secrets that have one of these tags count as absent."""

    filter_on_prefix: Any
    """Only secrets whose names in the store begin so are read; with keep_prefix false it is put before each
    name."""

    strict: bool | str
    """Refuse unknown keys instead of warning of them (default `false`)."""

    cache: dict[str, Any] | str
    """Another way to write the cache's options: {"enabled", "maximum_size", "expire_after_write"}."""


class MemoryOptions(CommonOptions, total=False):
    """What `MemoryBackend` takes."""

    secrets: dict[str, Any] | str
    """Every secret by its full name in the store; a value may be a string or any other JSON."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow/connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow/variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow/config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `/`)."""


class LocalFilesystemOptions(CommonOptions, total=False):
    """What `LocalFilesystemBackend` takes."""

    variables_file_path: str
    """A .env, .json, .yaml or .yml file with variables; nothing means that there are none."""

    connections_file_path: str
    """A .env, .json, .yaml or .yml file with connections; nothing means that there are none."""

    configs_file_path: str
    """A .env, .json, .yaml or .yml file with configuration options; nothing means that there are none."""

    settings_file_path: str
    """Astro's airflow_settings.yaml; it answers for connections and variables that the other files do not
    hold."""


class AwsOptions(TypedDict, total=False):
    """What every backend of `strongroom.aws` takes."""

    aws_access_key_id: str
    """Access key id; takes precedence over every other source of credentials."""

    aws_secret_access_key: str
    """The secret of `aws_access_key_id`."""

    aws_session_token: str
    """The session token of temporary keys; they are not renewed."""

    session_kwargs: dict[str, Any] | str
    """Deprecated place of the three credential keys."""

    region_name: str
    """The region; else AWS_DEFAULT_REGION, the profile's, then AWS_REGION."""

    profile_name: str
    """A profile of the AWS files; credentials in the environment are then not looked at."""

    role_arn: str
    """The role to assume before reading."""

    assume_role_method: str
    """`assume_role` or `assume_role_with_web_identity`; SAML is not supported (default `assume_role`)."""

    assume_role_kwargs: dict[str, Any] | str
    """Further parameters of the assumption, such as ExternalId, spelled as boto3 does."""

    assume_role_with_saml: dict[str, Any] | str
    """Settings of SAML, which is not supported: a lookup says so."""

    assume_role_with_web_identity_federation: str
    """Where the identity token comes from: `file`."""

    assume_role_with_web_identity_token_file: str
    """The file of the identity token; else AWS_WEB_IDENTITY_TOKEN_FILE."""

    assume_role_with_web_identity_federation_audience: Any
    """The audience of a google identity token."""

    endpoint_url: str
    """The address of the service itself, such as that of a VPC endpoint; never used for STS."""

    verify: bool | str
    """Whether the service's certificate is verified, or the CA bundle to verify it with; STS is always
    verified."""

    ca_bundle: str
    """A PEM file of trusted CAs for the service and STS, or `system`; takes precedence over `verify` and
    AWS_CA_BUNDLE."""

    use_ssl: bool | str
    """False reads over plain http where no endpoint is configured (default `true`)."""

    api_version: str
    """The version of the service's interface; only the present one exists."""

    service_config: dict[str, Any] | str
    """Per service; `sts.endpoint_url` is where roles are assumed."""

    config_kwargs: dict[str, Any] | str
    """Words of botocore's Config: connect_timeout, read_timeout, retries, proxies, region_name,
    use_dualstack_endpoint, use_fips_endpoint, user_agent_extra, ignore_configured_endpoint_urls."""

    profile: Any
    """Not the name of a profile: that is `profile_name`."""

    s3_config_file: Any
    """A file of credentials in an old format."""

    s3_config_format: Any
    """The format of `s3_config_file`."""

    aws_account_id: Any
    """The account of `role_arn`; write the whole ARN there."""

    aws_iam_role: Any
    """The role's name; write the whole ARN into `role_arn`."""

    external_id: Any
    """Write it as `ExternalId` into `assume_role_kwargs`."""


class SecretsManagerOptions(CommonOptions, AwsOptions, total=False):
    """What `SecretsManagerBackend` takes."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow/connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow/variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow/config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `/`)."""

    extra_conn_words: dict[str, Any] | str
    """Further names for the fields of a JSON connection: an object of lists, such as {"login": ["usr"]}."""

    full_url_mode: Any
    """Whether a secret was a URI rather than JSON."""

    are_secret_values_urlencoded: Any
    """Whether JSON values were percent-encoded."""


class SystemsManagerParameterStoreOptions(CommonOptions, AwsOptions, total=False):
    """What `SystemsManagerParameterStoreBackend` takes."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `/airflow/connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `/airflow/variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `/airflow/config`)."""

    extra_conn_words: dict[str, Any] | str
    """Read JSON connections as the class of Secrets Manager does, with these further names for their fields; {}
    for none."""


class VaultOptions(CommonOptions, total=False):
    """What `VaultBackend` takes."""

    connections_path: str | list[str] | None
    """Where connections are below the mount; a list is tried in order, null switches connections off (default
    `connections`)."""

    variables_path: str | list[str] | None
    """Where variables are below the mount; a list is tried in order, null switches variables off (default
    `variables`)."""

    config_path: str | list[str] | None
    """Where config values are below the mount; a list is tried in order, null switches config off (default
    `config`)."""

    global_secrets_path: str | list[str] | None
    """Deprecated: one more path at the end of the three; write lists instead."""

    use_team_secrets_path: bool | str
    """Whether the secrets of a team are at `<path>/<team>/<id>` (default `true`)."""

    mount_point: str | None
    """The mount of the KV engine; null takes the first segment of each id (default `secret`)."""

    kv_engine_version: Any
    """The version of the KV engine: 1, 2, or auto to ask the server once (default `2`)."""

    url: str
    """The address of the server; else VAULT_ADDR, else http://localhost:8200."""

    endpoint_url: str
    """Another name of `url`, as the other backends have it; takes precedence over it."""

    namespace: str
    """The namespace; else VAULT_NAMESPACE."""

    auth_type: str
    """The login: approle, aws_iam, azure, cert, gcp, github, jwt, kubernetes, ldap, radius, token or userpass
    (default `token`)."""

    auth_mount_point: str
    """The mount of the auth method; by default its usual one."""

    token: str
    """The token, or that of GitHub; else VAULT_TOKEN."""

    token_path: str
    """A file with the token; takes precedence over `token`."""

    username: str
    """The user of ldap, radius and userpass."""

    password: str
    """The password of ldap, radius and userpass."""

    role_id: str
    """The role id of approle; the role of aws_iam, azure and gcp."""

    secret_id: str
    """The secret id of approle; the secret access key of aws_iam; the client secret of azure."""

    wrapped_secret_id: str
    """A wrapping token around the secret id of approle; it is unwrapped once, at the first login."""

    key_id: str
    """The access key id of aws_iam; the client id of azure."""

    region: str
    """The region that the aws_iam login is signed for."""

    assume_role_kwargs: dict[str, Any] | str
    """A role that aws_iam assumes first, spelled as boto3 does."""

    iam_server_id: str
    """The value of X-Vault-AWS-IAM-Server-ID, if the mount of aws_iam asks for it."""

    kubernetes_role: str
    """The role of kubernetes."""

    kubernetes_jwt_path: str
    """The file with the token of the service account (default
    `/var/run/secrets/kubernetes.io/serviceaccount/token`)."""

    jwt_role: str
    """The role of jwt."""

    jwt_token: str
    """The token of jwt; takes precedence over `jwt_token_path`."""

    jwt_token_path: str
    """A file with the token of jwt; read at each login."""

    cert_role: str
    """The role of cert; by default the server tries all."""

    gcp_key_path: str
    """A key file of a service account for gcp; else the instance's own account."""

    gcp_keyfile_dict: dict[str, Any] | str
    """The content of such a key file."""

    gcp_scopes: str
    """The scopes of the Google token that signs the login, separated by commas."""

    azure_tenant_id: str
    """The Entra tenant of azure."""

    azure_resource: str
    """The audience of the Entra token, as the mount of azure is configured for."""

    radius_host: Any
    """The RADIUS server, which is part of the Vault server's own configuration."""

    radius_secret: str
    """Accepted and never sent: the RADIUS secret belongs into the server's configuration."""

    radius_port: Any
    """The port of the RADIUS server."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""

    ca_bundle: str
    """A PEM file or directory of trusted CAs, or `system`; takes precedence over `verify` and VAULT_CACERT."""

    cert: Any
    """The client's certificate with its key in one PEM file, or [certificate, key]; else VAULT_CLIENT_CERT and
    VAULT_CLIENT_KEY."""

    proxies: dict[str, Any] | str
    """The proxies for `http` and `https`; else those of the environment."""

    allow_redirects: bool | str
    """Whether up to two redirects on the same host are followed (default `true`)."""

    request_header: bool | str
    """Whether requests carry X-Vault-Request, which agents may ask for (default `true`)."""

    strict_http: bool | str
    """List with GET instead of the verb LIST, which some proxies refuse (default `false`)."""

    session: Any
    """A session of Python's requests."""

    adapter: Any
    """An adapter class of hvac."""

    ignore_exceptions: Any
    """Whether hvac hides errors; `on_error` decides here."""


class CloudSecretManagerOptions(CommonOptions, total=False):
    """What `CloudSecretManagerBackend` takes."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow-connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow-variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow-config`)."""

    sep: str
    """What separates prefix and id (default `-`)."""

    gcp_key_path: str
    """The JSON file of a service account's key."""

    gcp_keyfile_dict: dict[str, Any] | str
    """The content of such a file."""

    gcp_credential_config_file: Any
    """Credentials of any type that application default credentials know: a path, or the JSON itself."""

    gcp_scopes: Any
    """What a token is good for; https://www.googleapis.com/auth/cloud-platform if nothing is written."""

    project_id: str
    """The project with the secrets; else the one that the credentials name."""

    impersonation_chain: Any
    """The service account to read as; of a list the last one, each account before it delegating to the next."""

    location: str
    """The region of regional secrets, such as europe-west1; nothing for global ones."""

    anonymous: bool | str
    """Send no credentials: for an emulator (default `false`)."""

    endpoint_url: str
    """The address of the service itself, such as that of a private endpoint or an emulator."""

    iam_endpoint_url: str
    """The address of the IAM Service Account Credentials API, where service accounts are impersonated."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE."""


class AzureKeyVaultOptions(CommonOptions, total=False):
    """What `AzureKeyVaultBackend` takes."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow-connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow-variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow-config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `-`)."""

    vault_url: str
    """The address of the vault, such as `https://name.vault.azure.net`."""

    tenant_id: str
    """The Entra tenant of the service principal; with `client_id` and `client_secret`, or with a certificate."""

    client_id: str
    """The application id of the service principal."""

    client_secret: str
    """The client secret of the service principal."""

    client_certificate_path: str
    """A PEM or PFX file with the certificate and the private key of the service principal, instead of a
    secret."""

    client_certificate_password: str
    """The password of that file, if it has one."""

    send_certificate_chain: bool | str
    """Send the certificate itself with each login, for applications that trust by subject name and issuer
    (default `false`)."""

    managed_identity_client_id: str
    """The client id of a user-assigned managed identity, or of the workload identity; else AZURE_CLIENT_ID."""

    workload_identity_tenant_id: str
    """The tenant of the workload identity; else AZURE_TENANT_ID."""

    authority: str
    """Where tokens are issued; else AZURE_AUTHORITY_HOST, else the login service of the vault's cloud."""

    verify_challenge_resource: bool | str
    """Whether the resource that the vault asks tokens for must be of the vault's own domain (default `true`)."""

    api_version: str
    """The version of the vault's interface."""

    connection_verify: bool | str
    """Whether the vault's certificate is verified, or the CA bundle to verify it with; the login is always
    verified."""

    ca_bundle: str
    """A PEM file of trusted CAs for the vault and the login, or `system`; takes precedence over
    REQUESTS_CA_BUNDLE."""

    connection_timeout: float | str
    """How long a connection may take to open (default `5s`)."""

    read_timeout: float | str
    """How long the vault or the login may stay silent (default `10s`)."""

    retry_total: int | str
    """How often a read is tried again, at most; `max_attempts`, which counts the first, takes precedence over
    it."""

    retry_connect: Any
    """Retries after failed connections."""

    retry_read: Any
    """Retries after broken answers."""

    retry_status: Any
    """Retries after answers that are errors."""

    retry_backoff_factor: Any
    """How waiting times grow."""

    retry_backoff_max: Any
    """The longest waiting time."""

    retry_mode: Any
    """How waiting times grow."""

    logging_enable: Any
    """Whether bodies are logged."""


class DopplerOptions(CommonOptions, total=False):
    """What `DopplerBackend` takes."""

    token: str
    """A token of Doppler, best a service token that may read; else DOPPLER_TOKEN."""

    project: str
    """The project; else DOPPLER_PROJECT, else that of a service token."""

    config: str
    """The config with the secrets; else DOPPLER_CONFIG, else that of a service token."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `AIRFLOW_CONNECTIONS`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `AIRFLOW_VARIABLES`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `AIRFLOW_CONFIG`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `_`)."""

    secret_name_prefix: str
    """What comes before the name of every secret, of whatever kind, so that several installations can share a
    config."""

    endpoint_url: str
    """The address of the service itself, such as that of a private endpoint or an emulator (default
    `https://api.doppler.com`)."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE."""


class MountedFilesOptions(CommonOptions, total=False):
    """What `MountedFilesBackend` takes."""

    path: str
    """The folder in which secrets are mounted."""

    connections_path: str
    """The folder of connections, in place of `path`; `connections_prefix` is empty there if it is not written."""

    variables_path: str
    """The folder of variables, in place of `path`; `variables_prefix` is empty there if it is not written."""

    config_path: str
    """The folder of config values, in place of `path`; `config_prefix` is empty there if it is not written."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `/`)."""

    keep_newline: bool | str
    """Whether a line end at the end of a file is a part of the value (default `false`)."""


class KubernetesSecretsOptions(CommonOptions, total=False):
    """What `KubernetesSecretsBackend` takes."""

    namespace: str
    """The namespace of the secrets; by default that of the service account."""

    connections_label: str | None
    """The label whose value is a connection id; null switches connections off (default
    `airflow.apache.org/connection-id`)."""

    variables_label: str | None
    """The label whose value is a variable's key; null switches variables off (default
    `airflow.apache.org/variable-key`)."""

    config_label: str | None
    """The label whose value is a configuration key; null switches configuration off (default
    `airflow.apache.org/config-key`)."""

    team_label: str | None
    """The label whose value is a team; null treats secrets of all teams as shared (default
    `airflow.apache.org/team`)."""

    connections_data_key: str
    """The key of a secret's data that holds a connection (default `value`)."""

    variables_data_key: str
    """The key of a secret's data that holds a variable (default `value`)."""

    config_data_key: str
    """The key of a secret's data that holds a configuration value (default `value`)."""

    service_account_path: str
    """The folder with `token`, `namespace` and `ca.crt` of the service account (default
    `/var/run/secrets/kubernetes.io/serviceaccount`)."""

    token: str
    """A bearer token in place of the service account's, such as for a machine outside of the cluster."""

    endpoint_url: str
    """The address of the API server; by default that in KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and the service account's."""


class OnePasswordConnectOptions(CommonOptions, total=False):
    """What `OnePasswordConnectBackend` takes."""

    address: str
    """The address of the Connect server, such as https://connect.example.com; else OP_CONNECT_HOST."""

    token: str
    """An access token of the Connect server that may read the vault; else OP_CONNECT_TOKEN."""

    vault: str
    """The vault, by its name or its id; else OP_VAULT_ID, else the only one that the token may read."""

    vault_id: str
    """Another way to write `vault`, which takes precedence."""

    field: str
    """The field that holds the value in every item, by its label; without it, the usual fields are tried."""

    section: str
    """The section whose fields are read, by its label or its id; without it, the fields of all sections are."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow/connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow/variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow/config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `/`)."""

    secret_name_prefix: str
    """What comes before the title of every item, of whatever kind, so that several installations can share a
    vault."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE."""


class SecretServerOptions(CommonOptions, total=False):
    """What `SecretServerBackend` takes."""

    address: str
    """The address of Secret Server, such as https://NAME.secretservercloud.com, or of the Platform; else
    TSS_BASE_URL."""

    username: str
    """The user that reads; else TSS_USERNAME."""

    password: str
    """The password of `username`; else TSS_PASSWORD."""

    domain: str
    """The directory domain of `username`; else TSS_DOMAIN."""

    client_id: str
    """The client that reads, instead of a user: of the SDK of Secret Server, or a service user of the
    Platform."""

    client_secret: str
    """The secret of `client_id`."""

    platform: bool | str
    """Whether `address` is that of the Delinea Platform; yes for hosts below delinea.app."""

    folder_id: int | str
    """The number of the folder with the secrets, whose names are then whole names; without it the prefixes are
    folders."""

    field: str
    """The slug or the name of the field with the value; else `password`, else the only field that is a
    password."""

    comment: str
    """What is written into the audit of secrets that require a comment."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow/connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow/variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow/config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `/`)."""

    secret_template_id: Any
    """The template of new secrets, as other tools write it; reading needs none."""

    site_id: Any
    """The site of new secrets, as other tools write it; reading needs none."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE."""


class CyberarkOptions(TypedDict, total=False):
    """What every backend of `strongroom.cyberark` takes."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""


class PrivilegedAccountsOptions(CommonOptions, CyberarkOptions, total=False):
    """What `PrivilegedAccountsBackend` takes."""

    address: str
    """The address of the Password Vault Web Access, such as https://pvwa.example.com or
    https://NAME.privilegecloud.cyberark.cloud; else CYBERARK_ADDRESS."""

    username: str
    """The user that reads; else CYBERARK_USERNAME."""

    password: str
    """The password of `username`; else CYBERARK_PASSWORD."""

    auth: str
    """How to log in: cyberark, ldap, radius, windows, or oauth at Privilege Cloud on Shared Services; oauth for
    hosts below privilegecloud.cyberark.cloud, else cyberark."""

    identity_url: str
    """The address of the Identity tenant that issues tokens, such as https://NAME.id.cyberark.cloud: for `auth`
    oauth alone; else CYBERARK_IDENTITY_URL."""

    safe: str
    """The safe with the accounts; else CYBERARK_SAFE, else every safe that the user may list."""

    safe_name: str
    """Another way to write `safe`, which takes precedence."""

    reason: str
    """What is written into the audit of accounts whose platform requires a reason."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow-connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow-variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow-config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `-`)."""

    secret_name_prefix: str
    """What comes before the name of every account, of whatever kind, so that several installations can share a
    safe."""

    platform_id: Any
    """The platform of new accounts, as other tools write it; reading needs none."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE."""


class CentralCredentialProviderOptions(CommonOptions, CyberarkOptions, total=False):
    """What `CentralCredentialProviderBackend` takes."""

    address: str
    """The address of the Central Credential Provider, such as https://ccp.example.com; else
    CYBERARK_CCP_ADDRESS."""

    app_id: str
    """The application that reads; else CYBERARK_APP_ID."""

    safe: str
    """The safe with the objects; else CYBERARK_SAFE."""

    safe_name: str
    """Another way to write `safe`, which takes precedence."""

    folder: str
    """The folder in the safe (default `Root`)."""

    client_certificate: str
    """A PEM file with the certificate of the application, for a provider that asks for one."""

    client_key: str
    """The PEM file with the key of `client_certificate`, without a password; else the same file."""

    reason: str
    """What is written into the audit of each read."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow-connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow-variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow-config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `-`)."""

    secret_name_prefix: str
    """What comes before the name of every object, of whatever kind, so that several installations can share a
    safe."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE."""


class SecretsSafeOptions(CommonOptions, total=False):
    """What `SecretsSafeBackend` takes."""

    address: str
    """The address of Password Safe, such as https://NAME.ps.beyondtrustcloud.com, with or without the path of its
    API; else PASSWORD_SAFE_API_URL."""

    api_key: str
    """The key of an API registration, `;runas=USER;` after it or not; else PASSWORD_SAFE_API_KEY."""

    run_as: str
    """The user that reads with `api_key`, with its domain and a backslash before it."""

    run_as_password: str
    """The password of `run_as`, where the API registration requires it."""

    client_id: str
    """The application user that reads, instead of `api_key`; else PASSWORD_SAFE_CLIENT_ID."""

    client_secret: str
    """The secret of `client_id`; else PASSWORD_SAFE_CLIENT_SECRET."""

    folder_id: str
    """The id of the folder with the secrets, whose titles are then whole names; without it the prefixes are
    folders."""

    api_version: str
    """The version of the answers, such as 3.1 or V3_1; without it Password Safe chooses, and all are
    understood."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow/connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow/variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow/config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `/`)."""

    owner_id: Any
    """The owner of new secrets, as other tools write it; reading needs none."""

    owner_type: Any
    """What `owner_id` is, as other tools write it; reading needs none."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE."""


class ElasticsearchOptions(CommonOptions, total=False):
    """What `ElasticsearchBackend` takes."""

    address: str
    """The address of Elasticsearch or OpenSearch, such as https://search.example.com:9200; else
    ELASTICSEARCH_URL."""

    index: str
    """The index with the records, or an alias of one index (default `strongroom`)."""

    username: str
    """The user that reads; else ELASTICSEARCH_USERNAME."""

    password: str
    """The password of `username`; else ELASTICSEARCH_PASSWORD."""

    api_key: str
    """An API key of Elasticsearch, encoded as Kibana shows it or as ID:KEY; else ELASTICSEARCH_API_KEY."""

    token: str
    """A bearer token, such as that of a service account or a JWT."""

    client_certificate: str
    """A PEM file with the certificate to log in with; it may hold the key as well."""

    client_key: str
    """The PEM file with the key of `client_certificate`."""

    sealing_key: str
    """The random text of the key that values are sealed with, 32 characters at least; else `sealing_key_file`,
    else STRONGROOM_SEALING_KEY."""

    sealing_key_file: str
    """The file with the text of the key; it is read again when it has changed."""

    sealing_key_id: str
    """The id of that key, as records name it (default `1`)."""

    sealing_keys: Any
    """More keys to open values with, by id, such as those from before a rotation: the text of each, or an object
    with its file."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `/`)."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE."""


class JdbcOptions(CommonOptions, total=False):
    """What `JdbcBackend` takes."""

    url: str
    """The address of the database, such as jdbc:postgresql://host:5432/database, with several hosts where there
    are replicas; else STRONGROOM_JDBC_URL."""

    username: str
    """The user; takes precedence over that of `url`; else STRONGROOM_JDBC_USERNAME."""

    password: str
    """The password; takes precedence over that of `url`; else STRONGROOM_JDBC_PASSWORD."""

    dialect: str
    """The database, where the scheme of `url` does not say it: `h2` for H2's server with `-pg`."""

    driver_class_name: Any
    """The driver of Java."""

    table: str
    """The table with the sealed values, with its schema and a dot before it if that is not the user's own
    (default `strongroom_secrets`)."""

    sealing_key: str
    """The random text of the key that values are sealed with, 32 characters at least; else `sealing_key_file`,
    else STRONGROOM_SEALING_KEY."""

    sealing_key_file: str
    """The file with the text of the key; it is read again when it has changed."""

    sealing_key_id: str
    """The id of that key, as records name it (default `1`)."""

    sealing_keys: Any
    """More keys to open values with, by id, such as those from before a rotation: the text of each, or an object
    with its file."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `/`)."""

    sslmode: str
    """How the connection is encrypted: disable, prefer, require, verify-ca or verify-full, or as MySQL names
    them; else that of `url`, else prefer for a host that is this machine and verify-full for all others."""

    sslcert: str
    """A PEM file with the client's own certificate."""

    sslkey: str
    """A PEM file with the key of that certificate."""

    channel_binding: str
    """Whether the login to PostgreSQL is bound to the encrypted connection (default `prefer`)."""

    target_session_attrs: str
    """Which of several hosts may be asked (default `any`)."""

    connect_timeout: float | str
    """How long one host may take to accept a connection, with encryption and login; the next one is tried
    afterwards (default `3s`)."""

    statement_timeout: float | str
    """How long the database may work on one statement before it ends it itself; 0 asks for no limit (default
    `10s`)."""

    verify: bool | str
    """Whether the server's certificate is verified, or the CA bundle to verify it with."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE."""


class ConjurOptions(CommonOptions, CyberarkOptions, total=False):
    """What `ConjurBackend` takes."""

    address: str
    """The address of Conjur, such as https://conjur.example.com, or https://NAME.secretsmgr.cyberark.cloud/api;
    else CONJUR_APPLIANCE_URL."""

    account: str
    """The account of the organization; else CONJUR_ACCOUNT."""

    login: str
    """The role that reads: host/ID, or the name of a user; else CONJUR_AUTHN_LOGIN. For a JWT the host, where the
    authenticator does not take it from the token; else CONJUR_AUTHN_JWT_HOST_ID."""

    api_key: str
    """The API key of `login`; else CONJUR_AUTHN_API_KEY."""

    password: str
    """The password of the user `login`, for which Conjur gives its API key."""

    service_id: str
    """The authenticator that accepts a JWT, such as kubernetes/prod of conjur/authn-jwt/kubernetes/prod; else
    CONJUR_AUTHN_JWT_SERVICE_ID. It takes precedence over `api_key`."""

    jwt_path: str
    """The file with the JWT, which is read at each login; else JWT_TOKEN_PATH (default
    `/var/run/secrets/kubernetes.io/serviceaccount/token`)."""

    jwt: str
    """The JWT itself, in place of a file; else CONJUR_AUTHN_JWT_TOKEN."""

    connections_prefix: str | None
    """What comes before a connection id in the store; null switches connections off, empty means bare ids
    (default `airflow/connections`)."""

    variables_prefix: str | None
    """What comes before a variable's key in the store; null switches variables off, empty means bare keys
    (default `airflow/variables`)."""

    config_prefix: str | None
    """What comes before a configuration key in the store; null switches configuration off, empty means bare keys
    (default `airflow/config`)."""

    sep: str
    """What separates prefix and id; each of its characters is also stripped from the end of a prefix (default
    `/`)."""

    ca_bundle: str
    """A PEM file of trusted CAs, or `system`; takes precedence over `verify`, CONJUR_CERT_FILE and
    REQUESTS_CA_BUNDLE."""


class ChainOptions(CommonOptions, total=False):
    """What `ChainBackend` takes."""

    stores: Any
    """The stores in the order in which they are asked: each an object with its `store` and the options of that
    store, or the `class` of another package and its `kwargs`, or the `config` of another tool, and with `name`,
    `kinds`, `teams`, `ids` and `on_error`."""

    stores_file: str
    """A TOML file in place of `stores`, with a table `[[stores]]` for each store; read again when it changes."""
