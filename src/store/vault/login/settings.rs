//! Which login is configured, and which settings can never work.

use std::path::PathBuf;

use secrecy::SecretString;

#[cfg(not(all(feature = "aws", feature = "azure", feature = "google")))]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::redact::{Shown, ShownPath};
use crate::store::environment::Environment;
use crate::store::kit::files::expand;
use crate::store::options::{OptionValue, Options};
use crate::store::vault::config::{KUBERNETES_JWT_PATH, client_certificate, version};
use crate::store::vault::login::assertion::{Certificate, Jwt, JwtSource, Kubernetes};
#[cfg(feature = "aws")]
use crate::store::vault::login::aws::AwsIam;
#[cfg(feature = "azure")]
use crate::store::vault::login::azure::Azure;
#[cfg(feature = "google")]
use crate::store::vault::login::gcp::Gcp;
use crate::store::vault::login::password::{AppRole, GitHub, SecretId, UserPassword};
use crate::store::vault::login::written::{TokenFile, WrittenToken};
use crate::store::vault::login::{Login, Method, Origin};
use crate::store::vault::path::collapse;

/// The methods with their default mounts (hvac's `DEFAULT_MOUNT_POINT`s). The official class does not have
/// cert.
const METHODS: [(&str, &str); 12] = [
    ("approle", "approle"),
    ("aws_iam", "aws"),
    ("azure", "azure"),
    ("cert", "cert"),
    ("gcp", "gcp"),
    ("github", "github"),
    ("jwt", "jwt"),
    ("kubernetes", "kubernetes"),
    ("ldap", "ldap"),
    ("radius", "radius"),
    ("token", "token"),
    ("userpass", "userpass"),
];

/// The file that `vault login` writes (hvac/utils.py, `get_token_from_env`).
const TOKEN_HELPER_FILE: &str = "~/.vault-token";

/// Checks what the official constructor refuses (`_VaultClient.__init__`). Runs within `import airflow`: no
/// I/O.
pub(in crate::store::vault) fn check(options: &Options, environment: &Environment) -> Result<()> {
    version(options)?;
    client_certificate(options, environment)?;
    let (name, _) = method(options)?;
    let has = |key: &str| options.non_empty(key).is_some() || options.object(key).is_some();
    let need = |keys: &[&str]| {
        if keys.iter().any(|key| has(key)) { Ok(()) } else { Err(missing(name, keys)) }
    };
    match name {
        // An empty VAULT_TOKEN counts, too: hvac only checks that the variable is set.
        "token" if environment.get("VAULT_TOKEN").is_some() => Ok(()),
        "token" | "github" => need(&["token", "token_path"]),
        "approle" => need(&["role_id"]),
        "kubernetes" => need(&["kubernetes_role"]),
        "jwt" => need(&["jwt_role"]).and_then(|()| need(&["jwt_token", "jwt_token_path"])),
        "azure" => need(&["azure_resource"]).and_then(|()| need(&["azure_tenant_id"])),
        // Ours logs in with a user name, which needs neither; the official class configures the server with
        // them.
        "radius" if has("username") => Ok(()),
        "radius" => need(&["radius_host"]).and_then(|()| need(&["radius_secret"])),
        "gcp" => need(&["gcp_scopes"]).and_then(|()| need(&["role_id"])),
        _ => Ok(()),
    }
}

/// The method with its usual mount.
fn method(options: &Options) -> Result<(&'static str, &'static str)> {
    let written = options.non_empty("auth_type").unwrap_or("token");
    METHODS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(written.trim())).ok_or_else(|| {
        let names: Vec<&str> = METHODS.into_iter().map(|(name, _)| name).collect();
        Error::config("`auth_type` in backend_kwargs is not supported")
            .with_hint(format!("It should be one of {}", names.join(", ")))
    })
}

fn missing(name: &str, keys: &[&str]) -> Error {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    Error::config(format!("the auth_type `{name}` needs {}", keys.join(" or ")))
        .with_hint("Write it into backend_kwargs")
}

/// The configured login. No I/O.
pub(in crate::store::vault) fn login(options: &Options, environment: &Environment) -> Result<Login> {
    let (name, usual) = method(options)?;
    let written = Written { name, options, environment };
    let mount = options.non_empty("auth_mount_point").map(collapse).filter(|mount| !mount.is_empty());
    let mount = mount.unwrap_or_else(|| usual.to_owned());
    Ok(Login {
        name,
        identity: written.identity(&mount),
        mount,
        origin: written.origin(),
        method: written.method()?,
    })
}

/// The text that the server reads from a value that the official class sends as JSON: 1 or 0 for a boolean,
/// the digits of a number (`mapstructure.WeakDecode`, with which Vault reads its fields).
fn sent(options: &Options, key: &str) -> Option<String> {
    let text = options.spelled(key)?;
    Some(match (options.get(key), text) {
        (Some(OptionValue::Scalar(_)), "True") => "1".to_owned(),
        (Some(OptionValue::Scalar(_)), "False") => "0".to_owned(),
        (_, text) => text.to_owned(),
    })
}

/// The options of one method.
struct Written<'open> {
    name: &'static str,
    options: &'open Options,
    environment: &'open Environment,
}

impl Written<'_> {
    fn origin(&self) -> Origin {
        match (self.name, self.token_file()) {
            ("token", Some(_)) => Origin::File,
            ("token", None) => Origin::Fixed,
            _ => Origin::Server,
        }
    }

    /// The role id of approle is half of a credential, so it is not shown.
    fn identity(&self, mount: &str) -> String {
        let (what, key) = match self.name {
            "token" => return self.token_place(),
            "aws_iam" | "azure" | "gcp" => ("role", "role_id"),
            "cert" => ("role", "cert_role"),
            "jwt" => ("role", "jwt_role"),
            "kubernetes" => ("role", "kubernetes_role"),
            "ldap" | "radius" | "userpass" => ("user", "username"),
            _ => ("", ""),
        };
        let whose = self.options.non_empty(key).map(|text| format!(" with the {what} `{}`", Shown(text)));
        format!("{} at `auth/{}`{}", self.name, Shown(mount), whose.unwrap_or_default())
    }

    fn token_place(&self) -> String {
        match self.token_file() {
            Some(path) => format!("the token in `{}`", ShownPath(&path)),
            None if self.options.non_empty("token").is_some() => "the token in backend_kwargs".to_owned(),
            None => "the token in VAULT_TOKEN".to_owned(),
        }
    }

    fn method(&self) -> Result<Box<dyn Method>> {
        Ok(match self.name {
            "approle" => Box::new(AppRole { role_id: self.role("role_id")?, secret_id: self.secret_id() }),
            "aws_iam" => self.aws()?,
            "azure" => self.azure()?,
            "cert" => Box::new(Certificate { role: self.text("cert_role") }),
            "gcp" => self.gcp()?,
            "github" => self.github()?,
            "jwt" => Box::new(Jwt { role: self.role("jwt_role")?, source: self.jwt()? }),
            "kubernetes" => Box::new(Kubernetes {
                role: self.role("kubernetes_role")?,
                jwt_path: self
                    .path("kubernetes_jwt_path")
                    .unwrap_or_else(|| PathBuf::from(KUBERNETES_JWT_PATH)),
            }),
            "ldap" | "radius" | "userpass" => Box::new(UserPassword {
                username: self.spelled("username")?,
                password: self.sent("password").ok_or_else(|| missing(self.name, &["password"]))?,
            }),
            _ => self.token()?,
        })
    }

    #[cfg(feature = "aws")]
    fn aws(&self) -> Result<Box<dyn Method>> {
        Ok(Box::new(AwsIam::open(self.options, self.environment)?))
    }

    #[cfg(not(feature = "aws"))]
    fn aws(&self) -> Result<Box<dyn Method>> {
        Err(self.not_built("AWS"))
    }

    #[cfg(feature = "azure")]
    fn azure(&self) -> Result<Box<dyn Method>> {
        Ok(Box::new(Azure::open(self.need("role_id")?, self.options, self.environment)?))
    }

    #[cfg(not(feature = "azure"))]
    fn azure(&self) -> Result<Box<dyn Method>> {
        Err(self.not_built("Azure"))
    }

    #[cfg(feature = "google")]
    fn gcp(&self) -> Result<Box<dyn Method>> {
        Ok(Box::new(Gcp::open(self.need("role_id")?, self.options, self.environment)?))
    }

    #[cfg(not(feature = "google"))]
    fn gcp(&self) -> Result<Box<dyn Method>> {
        Err(self.not_built("Google"))
    }

    /// This login needs the identity of that cloud's store.
    #[cfg(not(all(feature = "aws", feature = "azure", feature = "google")))]
    fn not_built(&self, cloud: &str) -> Error {
        let text = format!("this build knows no {cloud}, so not the auth_type `{}`", self.name);
        Error::new(ErrorKind::Unsupported, text)
            .with_hint(format!("Build it with a store of {cloud}, or use another login"))
    }

    /// A file takes precedence over the option, the option over `VAULT_TOKEN`, and that over the file of
    /// `vault login`.
    fn token(&self) -> Result<Box<dyn Method>> {
        if let Some(path) = self.token_file() {
            return Ok(Box::new(TokenFile(path)));
        }
        let token = self.options.non_empty("token").or_else(|| self.environment.non_empty("VAULT_TOKEN"));
        let token = token.ok_or_else(|| missing(self.name, &["token", "token_path"]))?;
        Ok(Box::new(WrittenToken(SecretString::from(token))))
    }

    fn token_file(&self) -> Option<PathBuf> {
        let has_token =
            self.options.non_empty("token").is_some() || self.environment.non_empty("VAULT_TOKEN").is_some();
        let helper = || (!has_token).then(|| expand(TOKEN_HELPER_FILE, self.environment));
        self.path("token_path").or_else(helper)
    }

    fn github(&self) -> Result<Box<dyn Method>> {
        Ok(Box::new(match self.path("token_path") {
            Some(path) => GitHub::File(path),
            None => GitHub::Written(self.need_secret("token")?),
        }))
    }

    fn secret_id(&self) -> SecretId {
        match (self.secret("wrapped_secret_id"), self.sent("secret_id")) {
            (Some(token), _) => SecretId::Wrapped(token),
            (None, Some(secret_id)) => SecretId::Plain(secret_id),
            (None, None) => SecretId::None,
        }
    }

    fn jwt(&self) -> Result<JwtSource> {
        match (self.secret("jwt_token"), self.path("jwt_token_path")) {
            (Some(token), _) => Ok(JwtSource::Written(token)),
            (None, Some(path)) => Ok(JwtSource::File(path)),
            (None, None) => Err(missing(self.name, &["jwt_token", "jwt_token_path"])),
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.options.non_empty(key).map(str::to_owned)
    }

    fn secret(&self, key: &str) -> Option<SecretString> {
        self.options.non_empty(key).map(SecretString::from)
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.options.non_empty(key).map(|path| expand(path, self.environment))
    }

    fn need(&self, key: &'static str) -> Result<String> {
        self.text(key).ok_or_else(|| missing(self.name, &[key]))
    }

    /// A role, which must be something that Python considers true.
    fn role(&self, key: &'static str) -> Result<String> {
        self.need(key)?;
        Ok(sent(self.options, key).unwrap_or_default())
    }

    /// A text that becomes part of a path, where 0 is a name like any other.
    fn spelled(&self, key: &'static str) -> Result<String> {
        let spelled = self.options.spelled(key).filter(|text| !text.is_empty());
        spelled.map(str::to_owned).ok_or_else(|| missing(self.name, &[key]))
    }

    fn sent(&self, key: &str) -> Option<SecretString> {
        sent(self.options, key).filter(|text| !text.is_empty()).map(SecretString::from)
    }

    fn need_secret(&self, key: &'static str) -> Result<SecretString> {
        self.secret(key).ok_or_else(|| missing(self.name, &[key]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(variables: &[&'static str]) -> Environment {
        Environment::read(|name| variables.contains(&name).then(|| "canary-variable".to_owned()))
    }

    #[test]
    fn a_token_may_be_in_the_environment() {
        assert!(check(&Options::default(), &Environment::default()).is_err());
        assert!(check(&Options::default(), &around(&["VAULT_TOKEN"])).is_ok());
        assert!(check(&Options::of_texts(&[("token_path", "/t")]), &Environment::default()).is_ok());
    }

    #[test]
    fn an_unknown_method_is_reported_with_the_known_ones() {
        let error =
            check(&Options::of_texts(&[("auth_type", "okta\n")]), &Environment::default()).unwrap_err();
        insta::assert_snapshot!(error, @"`auth_type` in backend_kwargs is not supported. It should be one of \
        approle, aws_iam, azure, cert, gcp, github, jwt, kubernetes, ldap, radius, token, userpass");
    }

    #[test]
    fn every_method_opens_and_shows_no_credential() {
        let words = [
            ("token", "canary-token"),
            ("role_id", "canary-role"),
            ("secret_id", "canary-secret"),
            ("key_id", "canary-key"),
            ("username", "airflow"),
            ("password", "canary-password"),
            ("kubernetes_role", "r"),
            ("jwt_role", "r"),
            ("jwt_token", "canary-jwt"),
            ("azure_resource", "r"),
            ("azure_tenant_id", "t"),
            ("gcp_scopes", "s"),
            ("radius_host", "h"),
            ("radius_secret", "canary-radius"),
        ];
        let built = |name: &str| match name {
            "aws_iam" => cfg!(feature = "aws"),
            "azure" => cfg!(feature = "azure"),
            "gcp" => cfg!(feature = "google"),
            _ => true,
        };
        for (name, mount) in METHODS.into_iter().filter(|(name, _)| built(name)) {
            let mut options = Options::of_texts(&words);
            options.set("auth_type", OptionValue::Text(name.to_owned()));
            check(&options, &Environment::default()).unwrap();
            let login = login(&options, &Environment::default()).unwrap();
            assert_eq!((login.name, login.mount.as_str()), (name, mount));
            // Roles and the ids of Azure's applications are not secret.
            let shown =
                format!("{login:?}").replace("canary-role", "").replace(r#"client: "canary-key""#, "");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn an_identity_names_login_mount_and_role_and_no_credential() {
        let identity = |words: &[(&'static str, &str)], variables: &[&'static str]| {
            login(&Options::of_texts(words), &around(variables)).unwrap().identity
        };
        let approle = [("auth_type", "approle"), ("role_id", "canary"), ("auth_mount_point", "/a//b/")];
        assert_eq!(identity(&approle, &[]), "approle at `auth/a/b`");
        let kubernetes = [("auth_type", "kubernetes"), ("kubernetes_role", "r")];
        assert_eq!(identity(&kubernetes, &[]), "kubernetes at `auth/kubernetes` with the role `r`");
        let user = [("auth_type", "ldap"), ("username", "u"), ("password", "canary")];
        assert_eq!(identity(&user, &[]), "ldap at `auth/ldap` with the user `u`");
        assert_eq!(identity(&[("token", "canary")], &["VAULT_TOKEN"]), "the token in backend_kwargs");
        assert_eq!(identity(&[], &["VAULT_TOKEN"]), "the token in VAULT_TOKEN");
        assert_eq!(identity(&[("token_path", "/t"), ("token", "canary")], &[]), "the token in `/t`");
    }

    #[test]
    fn missing_options_are_reported_when_the_store_is_opened() {
        let clouds = [("azure", cfg!(feature = "azure")), ("gcp", cfg!(feature = "google"))];
        let clouds = clouds.into_iter().filter_map(|(name, is_built)| is_built.then_some(name));
        for name in ["userpass", "ldap"].into_iter().chain(clouds) {
            let error =
                login(&Options::of_texts(&[("auth_type", name)]), &Environment::default()).unwrap_err();
            assert_eq!(error.kind(), crate::error::ErrorKind::Config, "{name}");
        }
    }

    #[test]
    fn files_and_texts_have_the_official_order() {
        let origin = |words: &[(&'static str, &str)], variables: &[&'static str]| {
            login(&Options::of_texts(words), &around(variables)).unwrap().origin
        };
        assert_eq!(origin(&[("token", "t"), ("token_path", "/t")], &["VAULT_TOKEN"]), Origin::File);
        assert_eq!(origin(&[("token", "t")], &[]), Origin::Fixed);
        assert_eq!(origin(&[], &["VAULT_TOKEN"]), Origin::Fixed);
        assert_eq!(origin(&[], &["HOME"]), Origin::File);
        assert_eq!(
            origin(&[("auth_type", "userpass"), ("username", "u"), ("password", "p")], &[]),
            Origin::Server
        );
    }
}
