use proptest::prelude::*;

use super::*;
use crate::value::json;

fn read(text: &str) -> Result<Imported> {
    import(text, Asked::default())
}

/// The store and its options, in one line.
fn options(imported: &Imported) -> String {
    let written = json::write(&Value::from(imported.options.clone()));
    format!("{} {}", imported.entry.info.name, written.to_str().unwrap())
}

fn good(text: &str) -> String {
    let imported = read(text).unwrap();
    assert_eq!(imported.unknown, [""; 0]);
    options(&imported)
}

fn refused(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../tests/golden/import/", $name))
    };
}

#[cfg(feature = "stores")]
mod examples {
    use super::*;

    #[test]
    fn those_of_airbyte_are_read_as_they_are() {
        for (text, expected) in [
            (
                example!("airbyte-aws-role.json"),
                r#"aws_secrets_manager {"role_arn": "arn:aws:iam::123456789012:role/AirbyteSecretsRole", "region_name": "us-east-1"}"#,
            ),
            (
                example!("airbyte-aws-keys.json"),
                r#"aws_secrets_manager {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "region_name": "us-west-2"}"#,
            ),
            (
                example!("airbyte-azure.json"),
                r#"azure_key_vault {"vault_url": "https://my-airbyte-vault.vault.azure.net/", "tenant_id": "12345678-1234-1234-1234-123456789012", "client_id": "87654321-4321-4321-4321-210987654321", "client_secret": "your-client-secret-value-here"}"#,
            ),
        ] {
            assert_eq!(good(text), expected);
            assert_eq!(read(text).unwrap().tool, Tool::Airbyte);
        }
    }

    #[test]
    fn those_of_kestra_are_read_as_they_are() {
        for (text, expected) in [
            (
                example!("kestra-aws.yaml"),
                r#"aws_secrets_manager {"aws_access_key_id": "mysuperaccesskey", "aws_secret_access_key": "mysupersecretkey", "aws_session_token": "mysupersessiontoken", "region_name": "us-east-1"}"#,
            ),
            (
                example!("kestra-azure.yaml"),
                r#"azure_key_vault {"tenant_id": "id", "client_id": "id", "client_secret": "secret"}"#,
            ),
            (
                example!("kestra-google.yaml"),
                r#"google_secret_manager {"project_id": "gcp-project-id", "gcp_keyfile_dict": "{\n  \"type\": \"service_account\",\n  \"project_id\": \"gcp-project-id\",\n  \"private_key_id\": \"...\",\n  \"private_key\": \"...\",\n  ...\n}\n"}"#,
            ),
            (
                example!("kestra-vault-userpass.yaml"),
                r#"hashicorp_vault {"url": "http://localhost:8200", "username": "john", "password": "foo", "auth_type": "userpass"}"#,
            ),
            (
                example!("kestra-vault-token.yaml"),
                r#"hashicorp_vault {"url": "http://localhost:8200", "token": "<your-secret-token>", "auth_type": "token"}"#,
            ),
            (
                example!("kestra-vault-approle.yaml"),
                r#"hashicorp_vault {"url": "http://localhost:8200", "role_id": "<your-role-id>", "secret_id": "<your-secret-id>", "auth_type": "approle"}"#,
            ),
            (
                example!("kestra-vault-kubernetes.yaml"),
                r#"hashicorp_vault {"url": "http://localhost:8200", "kubernetes_role": "kestra", "auth_type": "kubernetes"}"#,
            ),
            (
                example!("kestra-vault-root-engine.yaml"),
                r#"hashicorp_vault {"url": "http://vault:8200", "mount_point": "dev", "token": "YOUR_TOKEN", "auth_type": "token"}"#,
            ),
            (
                example!("kestra-doppler.yaml"),
                r#"doppler {"token": "YOUR_TOKEN", "project": "kestra_unit_test", "config": "kestra_unit_test", "secret_name_prefix": "kestra"}"#,
            ),
            (
                example!("kestra-1password.yaml"),
                r#"onepassword_connect {"address": "http://localhost:18080", "token": "YOUR_TOKEN", "vault_id": "YOUR_VAULT_ID"}"#,
            ),
            (
                example!("kestra-delinea.yaml"),
                r#"delinea {"address": "https://your-delinea-instance.secretservercloud.com", "username": "YOUR_USERNAME", "password": "YOUR_PASSWORD", "folder_id": "YOUR_FOLDER_ID"}"#,
            ),
            (
                example!("kestra-cyberark.yaml"),
                r#"cyberark {"address": "https://your-cyberark-host", "username": "YOUR_USERNAME", "password": "YOUR_PASSWORD"}"#,
            ),
            (
                example!("kestra-beyondtrust.yaml"),
                r#"beyondtrust {"address": "https://beyondtrust.example.com", "api_key": "YOUR_API_KEY", "run_as": "domain\\\\service-account", "folder_id": "YOUR_SECRETS_SAFE_FOLDER_ID"}"#,
            ),
            (
                example!("kestra-elasticsearch.yaml"),
                r#"elasticsearch {"sealing_key": "a-secure-32-character-minimum-key"}"#,
            ),
            (example!("kestra-jdbc.yaml"), r#"jdbc {"sealing_key": "<your-secret-key>"}"#),
        ] {
            assert_eq!(good(text), expected);
            assert_eq!(read(text).unwrap().tool, Tool::Kestra);
        }
    }

    #[test]
    fn stores_that_there_are_not_yet_are_named() {
        for (text, name) in [
            ("secret: {type: bitwarden, bitwarden: {}}", "`bitwarden` of Kestra (Bitwarden Secrets Manager)"),
            (r#"{"type": "GOOGLE_SECRET_MANAGER", "config": {}}"#, "`GOOGLE_SECRET_MANAGER` of Fivetran"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            let text = error.to_string();
            assert!(
                text.starts_with(&format!("the store {name}")) && text.ends_with("not supported yet"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_database_of_kestra_is_that_of_its_table_or_of_its_only_datasource() {
        let secret = "kestra: {secret: {type: jdbc, jdbc: {secret: k, driverClassName: org.postgresql.Driver";
        let source = "{url: 'jdbc:postgresql://h/kestra', driverClassName: x, username: u, password: p}";
        assert_eq!(
            good(&format!("datasources: {{postgres: {source}}}\n{secret}}}}}}}")),
            r#"jdbc {"sealing_key": "k", "url": "jdbc:postgresql://h/kestra", "username": "u", "password": "p"}"#
        );
        let own = format!(
            "datasources: {{postgres: {source}}}\n{secret}, url: 'jdbc:mysql://m/d', username: v}}}}}}"
        );
        assert_eq!(good(&own), r#"jdbc {"url": "jdbc:mysql://m/d", "username": "v", "sealing_key": "k"}"#);
        for text in [
            format!("{secret}}}}}}}"),
            format!("datasources: {{a: {source}, b: {source}}}\n{secret}}}}}}}"),
            format!("datasources: {{h2: {{username: sa}}}}\n{secret}}}}}}}"),
        ] {
            let notes = read(&text).unwrap().notes.join("\n");
            assert!(
                notes.contains("`url` has to be added") && notes.contains("seal the values again"),
                "{notes}"
            );
        }
        assert!(
            read("secret: {type: jdbc, jdbc: {url: a}}").unwrap_err().to_string().contains("`secret` in")
        );
    }

    #[test]
    fn tags_and_caches_of_kestra_are_understood() {
        let text =
            example!("kestra-tags.yaml").replace("<secret-type>:", "vault: &table\n      address: a\n");
        let tags = text.replace("secret:\n", "secret:\n    type: vault\n");
        let imported = read(&tags).unwrap();
        assert!(
            imported.notes[1].starts_with("`tags` in `kestra.secret.vault` has no effect"),
            "{:?}",
            imported.notes
        );
        let cached = format!(
            "{}    type: vault\n    vault: {{address: a, token: {{token: t}}}}\n",
            example!("kestra-cache.yaml")
        );
        assert!(
            good(&cached)
                .ends_with(r#""auth_type": "token", "cache_max_entries": 1000, "cache_ttl": "60s"}"#)
        );
        let off = cached.replace("enabled: true", "enabled: false");
        assert!(good(&off).ends_with(r#""auth_type": "token", "cache_ttl": 0}"#));
    }

    #[test]
    fn fivetran_asks_for_more_unless_the_deployment_is_a_hybrid_one() {
        for (text, expected) in [
            (
                r#"{"id": "x", "name": "prod", "type": "AWS_SECRET_MANAGER", "config": {"role_arn": "arn:aws:iam::1:role/r"}}"#,
                r#"aws_secrets_manager {"role_arn": "arn:aws:iam::1:role/r"}"#,
            ),
            (
                r#"{"name": "a", "type": "AZURE_KEY_VAULT", "config": {"vault_url": "https://v-1.vault.azure.net", "tenant_id": "t"}}"#,
                r#"azure_key_vault {"vault_url": "https://v-1.vault.azure.net", "tenant_id": "t"}"#,
            ),
            (
                r#"{"type": "AZURE_KEY_VAULT", "config": {"vault_url": "https://v-1.vault.azure.net"}, "is_hybrid_deployment_compatible": true}"#,
                r#"azure_key_vault {"vault_url": "https://v-1.vault.azure.net"}"#,
            ),
            (
                r#"{"type": "HASHICORP_VAULT", "config": {"vault_address": "https://v", "role_id": "r", "secret_id": "s", "namespace": "n"}}"#,
                r#"hashicorp_vault {"url": "https://v", "auth_type": "approle", "role_id": "r", "secret_id": "s", "namespace": "n"}"#,
            ),
            (
                r#"{"code": "Success", "data": {"type": "hashicorp_vault", "config": {"vault_address": "https://v"}, "is_hybrid_deployment": true}}"#,
                r#"hashicorp_vault {"url": "https://v"}"#,
            ),
        ] {
            assert_eq!(good(text), expected);
        }
        assert_eq!(
            read(r#"{"name": "p", "type": "AWS_SECRET_MANAGER", "config": {"role_arn": "r"}}"#)
                .unwrap()
                .name
                .as_deref(),
            Some("p")
        );
        insta::assert_snapshot!(refused(r#"{"type": "AZURE_KEY_VAULT", "config": {"vault_url": "https://v-1.vault.azure.net"}}"#), @r#"`tenant_id` in `config` of Fivetran's external secrets manager is missing: Fivetran asks for it unless the deployment is a hybrid one, which "is_hybrid_deployment_compatible": true beside `config` says"#);
        let both = refused(r#"{"type": "HASHICORP_VAULT", "config": {"vault_address": ""}}"#);
        assert!(
            ["`vault_address`", "is blank", "`role_id`", "`secret_id`"]
                .iter()
                .all(|part| both.contains(part)),
            "{both}"
        );
    }

    #[test]
    fn each_wrong_form_of_airbyte_has_its_own_message() {
        for (text, message) in [
            ("{}", "the configuration is empty"),
            ("[]", "the configuration is a list, not an object"),
            (
                r#"{"auth_type": "IAM_ROLE", "awsRegion": "r"}"#,
                "`roleArn` in Airbyte's configuration of AWS Secrets Manager is missing",
            ),
            (
                r#"{"awsAccessKey": "a", "awsSecretAccessKey": " ", "awsRegion": "r"}"#,
                "`awsSecretAccessKey` in Airbyte's configuration of AWS Secrets Manager is blank",
            ),
            (
                r#"{"awsAccessKey": 5, "awsSecretAccessKey": "s", "awsRegion": "r"}"#,
                "`awsAccessKey` in Airbyte's configuration of AWS Secrets Manager is a number, not a \
                text: write it in quotes",
            ),
            (
                r#"{"awsAccessKey": ["canary"], "awsSecretAccessKey": "s", "awsRegion": "r"}"#,
                "`awsAccessKey` in Airbyte's configuration of AWS Secrets Manager is a list, not a text",
            ),
            (
                r#"{"auth_type": "canary", "awsRegion": "r"}"#,
                "`auth_type` in Airbyte's configuration of AWS Secrets Manager is neither ACCESS_KEY nor \
                IAM_ROLE",
            ),
            (
                r#"{"vaultUrl": "http://v.vault.azure.net", "tenantId": "t", "clientId": "c", "clientSecret": "s"}"#,
                "`vaultUrl` in Airbyte's configuration of Azure Key Vault is no address that begins with \
                https://",
            ),
            (
                r#"{"gcpProjectId": "p", "gcpCredentialsJson": "canary"}"#,
                "`gcpCredentialsJson` in Airbyte's configuration of Google Secret Manager is no valid \
                JSON of a key file (expected a value: line 1 column 1 (char 0))",
            ),
            (
                r#"{"address": "a", "token": "t"}"#,
                "`prefix` in Airbyte's configuration of Vault is missing (it may be empty)",
            ),
            (
                r#"{"secretStorageType": "aws_secrets_manager", "configuredFromEnvironment": true}"#,
                "`config` in Airbyte's secret storage is not there: this storage is configured by the \
                environment of Airbyte, so write the options of the store yourself",
            ),
        ] {
            let shown = refused(text);
            assert!(shown.starts_with(message), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
        let none = refused(r#"{"awsRegionName": "r"}"#);
        assert!(none.contains("Did you mean `awsRegion` by `awsRegionName`?"), "{none}");
        let imported =
            read(r#"{"auth_type": "iam_role", "roleArn": "a", "awsRegion": "r", "externalID": "e"}"#)
                .unwrap();
        insta::assert_snapshot!(imported.unknown.join("\n"), @"the unknown key `externalID` in Airbyte's \
        configuration of AWS Secrets Manager is ignored. Did you mean `externalId`?");
    }

    #[test]
    fn what_the_api_of_airbyte_has_around_it_is_read_too() {
        let text = r#"{"id": "x", "secretStorageType": "google_secret_manager", "scopeType": "workspace", "scopeId": "y",
            "isConfiguredFromEnvironment": false,
            "config": {"gcpProjectId": "p", "gcpCredentialsJson": "{\"type\": \"service_account\"}", "region": "europe-west1"}}"#;
        assert_eq!(
            good(text),
            r#"google_secret_manager {"project_id": "p", "gcp_keyfile_dict": {"type": "service_account"}, "location": "europe-west1"}"#
        );
        let bare = import("{}", Asked { kind: Some("aws_secrets_manager"), ..Asked::default() })
            .unwrap_err()
            .to_string();
        assert!(bare.contains("`awsAccessKey` in") && bare.contains("`awsRegion` in"), "{bare}");
    }

    #[test]
    fn each_wrong_form_of_kestra_has_its_own_message() {
        for (text, message) in [
            ("kestra: {queue: 5}", "`secret` is missing in `kestra`"),
            ("kestra: {secret: text}", "`kestra.secret` is a text, not an object"),
            (
                "kestra: {secret: {vault: {address: a}}}",
                "`type` in `kestra.secret` is missing: write `type: vault`",
            ),
            ("kestra: {secret: {type: }}", "`type` in `kestra.secret` is blank"),
            (
                "kestra: {secret: {type: vualt, vault: {}}}",
                "`type` in `kestra.secret` is `vualt`, which Kestra has not. Did you mean `vault`?",
            ),
            (
                "kestra: {secret: {type: vault, doppler: {token: t}}}",
                "`vault` in `kestra.secret` is missing, but `doppler` is there: `type` and table have to \
                agree",
            ),
            (
                "kestra: {secret: {type: vault, vault: [a]}}",
                "`vault` in `kestra.secret` is a list, not an object",
            ),
            (
                "kestra: {secret: {type: vault, vault: {token: {token: t}}}}",
                "`address` in `kestra.secret.vault` is missing",
            ),
            (
                "kestra: {secret: {type: vault, vault: {address: a, token: {token: 0123}}}}",
                "`token` in `kestra.secret.vault.token` is a number, not a text: write it in quotes",
            ),
            (
                "kestra: {secret: {type: vault, vault: {address: a, token: canary}}}",
                "`token` in `kestra.secret.vault` is a text, not an object",
            ),
            (
                "kestra: {secret: {type: vault, vault: {address: a, token: {token: t}, appRole: {roleId: \
                r}}}}",
                "`token` in `kestra.secret.vault` and `app-role` are two logins: write one of them",
            ),
            (
                "kestra: {secret: {type: vault, vault: {address: a, app-role: {secretId: s}}}}",
                "`role-id` in `kestra.secret.vault.app-role` is missing",
            ),
            (
                "kestra: {secret: {type: vault, vault: {address: a, engineVersion: 3}}}",
                "`engineVersion` in `kestra.secret.vault` is neither 1 nor 2",
            ),
            (
                "secret: {type: aws-secret-manager, aws-secret-manager: {accessKeyId: a}}",
                "`secret-key-id` in `secret.aws-secret-manager` is missing beside `access-key-id`",
            ),
            (
                "secret: {type: aws-secret-manager, aws-secret-manager: {region: a, Region: b}}",
                "`region` and `Region` in `secret.aws-secret-manager` are the same key",
            ),
            (
                "secret: {type: azure-key-vault, azure-key-vault: {vault-name: a_b}}",
                "`vault-name` in `secret.azure-key-vault` is no name of a vault",
            ),
            (
                "secret: {type: azure-key-vault, azureKeyVault: {keyVaultUri: 'https://u@v'}}",
                "`keyVaultUri` in `secret.azure-key-vault` has a user in its address",
            ),
            (
                "secret: {type: google-secret-manager, google-secret-manager: {serviceAccount: '[1]'}}",
                "`serviceAccount` in `secret.google-secret-manager` is JSON, but not the object of a key \
                file",
            ),
            (
                "secret: {type: doppler, doppler: {token: t}, cache: {enabled: maybe}}",
                "`enabled` in `secret.cache` is neither true nor false",
            ),
            (
                "secret: {type: doppler, doppler: {token: t}, cache: {enabled: true, expireAfterWrite: \
                soon}}",
                "`expireAfterWrite` in `secret.cache` is no duration",
            ),
            ("kestra: {secret: {type: [a}}", "the configuration is no valid YAML: line 1"),
            ("{\"kestra\": }", "the configuration is no valid JSON: expected a value: line 1 column 12"),
        ] {
            let shown = refused(text);
            assert!(shown.starts_with(message), "{text}\n{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn both_spellings_and_all_keys_of_kestra_are_known() {
        let text = "
            kestra:
              secret:
                type: awsSecretManager
                aws_secret_manager:
                  stsRoleArn: arn
                  sts-role-external-id: e
                  stsRoleSessionName: n
                  sts-role-session-duration: PT15M
                  stsEndpointOverride: http://localhost:1
                  endpointOverride: http://localhost:2
                  prefix: kestra
                  filterOnTags: {tags: {a: b}}
                isolation: {enabled: true}";
        assert_eq!(
            good(text),
            r#"aws_secrets_manager {"endpoint_url": "http://localhost:2", "role_arn": "arn", "assume_role_kwargs": {"ExternalId": "e", "RoleSessionName": "n", "DurationSeconds": 900}, "service_config": {"sts": {"endpoint_url": "http://localhost:1"}}, "connections_prefix": "kestra/connections", "variables_prefix": "kestra/variables", "config_prefix": "kestra/config", "filter_on_tags": {"a": "b"}}"#
        );
        let notes = read(text).unwrap().notes.join("\n");
        for part in ["`prefix` in", "`isolation` in"] {
            assert!(notes.contains(part), "{notes}");
        }
        let uri = "{type: azure-key-vault, azure-key-vault: {key-vault-uri: \
        'https://abc.vault.azure.net/', vault-name: def, prefix: p}}";
        let uri = format!("secret: {uri}");
        assert_eq!(
            good(&uri),
            r#"azure_key_vault {"vault_url": "https://abc.vault.azure.net/", "connections_prefix": "p-connections", "variables_prefix": "p-variables", "config_prefix": "p-config"}"#
        );
        assert!(read(&uri).unwrap().notes[0].contains("`key-vault-uri` takes precedence over it"));
        let by_name = "type: azure-key-vault\nazure-key-vault: {vault-name: def}";
        assert_eq!(good(by_name), r#"azure_key_vault {"vault_url": "https://def.vault.azure.net"}"#);
        let vault = "secret: {type: vault, vault: {address: a, kubernetes: {path: k8s, role: r}, \
        engine-version: 1, namespace: n, secretPathPrefix: /a/, prefix: b}}";
        assert_eq!(
            good(vault),
            r#"hashicorp_vault {"url": "a", "namespace": "n", "kv_engine_version": 1, "kubernetes_role": "r", "auth_type": "kubernetes", "auth_mount_point": "k8s", "connections_path": "a/b/connections", "variables_path": "a/b/variables", "config_path": "a/b/config"}"#
        );
        assert_eq!(good("secret: {type: aws-ssm-parameter-store}"), "aws_systems_manager {}");
        let beyondtrust = "type: beyondtrust\nbeyondtrust: {address: a, api-key: k, run_as: u, ownerId: 7, \
        owner-type: User, apiVersion: V3_1, prefix: p}";
        assert_eq!(
            good(beyondtrust),
            r#"beyondtrust {"address": "a", "api_key": "k", "run_as": "u", "api_version": "V3_1", "connections_prefix": "p/connections", "variables_prefix": "p/variables", "config_prefix": "p/config"}"#
        );
        let notes = read(beyondtrust).unwrap().notes;
        let is_of_owner =
            |note: &&String| note.to_lowercase().contains("owner") && note.contains("only reads");
        assert_eq!(notes.iter().filter(is_of_owner).count(), 2, "{notes:?}");
    }

    const CYBERARK: &str = "kestra: {secret: {type: cyberark, cyberark: {address: 'https://h', username: u, \
        password: p, safeName: S, platform-id: P, validate_certs: false, useProxy: true, \
        secret-path-prefix: a/b}}}";

    #[test]
    fn the_safe_and_the_prefix_of_cyberark_are_understood_in_every_spelling() {
        let camel = CYBERARK.to_owned();
        for text in [
            camel.clone(),
            camel.replace("safeName", "safe-name").replace("platform-id", "platformId"),
            camel.replace("safeName", "safe_name").replace("secret-path-prefix", "secretPathPrefix"),
        ] {
            let imported = read(&text).unwrap();
            let option = |key: &str| imported.options.get(key).and_then(|value| value.as_str());
            assert_eq!((option("safe_name"), option("variables_prefix")), (Some("S"), Some("a-b-variables")));
            assert_eq!(imported.options.get("verify").and_then(Value::as_bool), Some(false));
            for key in ["`platform", "`use"] {
                assert!(imported.notes.iter().any(|note| note.starts_with(key)), "{key}");
            }
        }
    }

    #[test]
    fn the_cluster_of_kestra_is_that_of_its_secrets() {
        let of = |client: &str| {
            format!(
                "kestra: {{elasticsearch: {{client: {client}, defaults: {{indice-prefix: k_}}}}, secret: \
                {{type: elasticsearch, elasticsearch: {{secret: a-secure-32-character-minimum-key}}}}}}"
            )
        };
        let key = r#""sealing_key": "a-secure-32-character-minimum-key""#;
        assert_eq!(
            good(&of(
                "{httpHosts: ['https://a:9200', 'https://b:9200'], basicAuth: {username: u, password: p}, \
                trustAllSsl: true}"
            )),
            format!(
                r#"elasticsearch {{{key}, "address": "https://a:9200", "username": "u", "password": "p", "verify": false}}"#
            )
        );
        assert_eq!(
            good(&of("{http-hosts: 'http://a:9200'}")),
            format!(r#"elasticsearch {{{key}, "address": "http://a:9200"}}"#)
        );
        let error = read("secret: {type: elasticsearch, elasticsearch: {secret: short}}").unwrap_err();
        assert!(error.to_string().contains("has fewer than 32 characters"), "{error}");
    }

    #[test]
    fn everything_that_comes_out_is_an_option_of_the_store() {
        let texts = [
            example!("kestra-aws.yaml"),
            example!("kestra-azure.yaml"),
            example!("kestra-vault-approle.yaml"),
            example!("kestra-doppler.yaml"),
            example!("kestra-1password.yaml"),
            example!("kestra-delinea.yaml"),
            CYBERARK,
            example!("kestra-beyondtrust.yaml"),
            example!("kestra-elasticsearch.yaml"),
            example!("kestra-jdbc.yaml"),
            example!("airbyte-azure.json"),
            example!("airbyte-aws-role.json"),
        ];
        for text in texts {
            let imported = read(text).unwrap();
            for (key, _) in &imported.options {
                let key = key.to_str().unwrap();
                assert!(crate::config::options_of(imported.entry).any(|spec| spec.key == key), "{key}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_shows_a_value(
        key in "(awsRegion|awsAccessKey|vaultUrl|token|address|type|config|auth_type|[a-z]{0,6})",
        other in "(awsRegion|gcpCredentialsJson|clientSecret|data|secret|kestra|[a-z]{0,6})",
        frame in 0..6_usize,
    ) {
        let canary = "Q7w9Zk3Vx5";
        let value = [
            format!("\"{canary}\""), format!("[\"{canary}\"]"), format!("{{\"a\": \"{canary}\"}}"),
            "7".to_owned(), format!("\"{{{canary}\""), format!("\"https://{canary}@h\""),
        ][frame].clone();
        let text = format!("{{\"{key}\": {value}, \"{other}\": {value}}}");
        if let Err(error) = read(&text) {
            // What is no type is named, since that is what is mended.
            let is_type = key == "type" && error.message().contains("type");
            prop_assert!(is_type || !format!("{error} {error:?}").contains(canary), "{error}");
        }
    }
}
