//! The folders of mounted files, and how the names of the files begin.

use crate::error::{Error, Result};
use crate::store::convention::Kind;
use crate::store::environment::Environment;
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, Options};
use crate::store::prefix::{
    CONFIG_PREFIX, CONNECTIONS_PREFIX, PrefixDefaults, PrefixRules, SEPARATOR, VARIABLES_PREFIX,
};
use crate::store::{PerKind, SecretName};

/// The longest name of a file or folder that Linux has, in bytes.
const LONGEST_PART: usize = 255;

/// The longest path that Linux takes, in bytes.
const LONGEST_PATH: usize = 4095;

/// A folder for each kind, below `path`.
pub(super) const DEFAULTS: PrefixDefaults =
    PrefixDefaults::new(["connections", "variables", "config"], SEPARATOR.default_text());

/// No prefix in a folder that has one kind alone.
const BARE: PrefixDefaults = PrefixDefaults::new([""; 3], SEPARATOR.default_text());

/// The folder of everything.
pub(super) const PATH: OptionSpec =
    OptionSpec::new("path", OptionKind::Text, "The folder in which secrets are mounted.");

const CONNECTIONS_PATH: OptionSpec = OptionSpec::new(
    "connections_path",
    OptionKind::Text,
    "The folder of connections, in place of `path`; `connections_prefix` is empty there if it is not \
    written.",
);

const VARIABLES_PATH: OptionSpec = OptionSpec::new(
    "variables_path",
    OptionKind::Text,
    "The folder of variables, in place of `path`; `variables_prefix` is empty there if it is not written.",
);

const CONFIG_PATH: OptionSpec = OptionSpec::new(
    "config_path",
    OptionKind::Text,
    "The folder of config values, in place of `path`; `config_prefix` is empty there if it is not written.",
);

/// Whether values are the bytes of the files.
pub(super) const KEEP_NEWLINE: OptionSpec = OptionSpec::new(
    "keep_newline",
    OptionKind::Boolean,
    "Whether a line end at the end of a file is a part of the value.",
)
.with(OptionDefault::Boolean(false));

/// The options of this store.
pub(super) const OPTIONS: &[OptionSpec] = &[
    PATH,
    CONNECTIONS_PATH,
    VARIABLES_PATH,
    CONFIG_PATH,
    CONNECTIONS_PREFIX.with_default(DEFAULTS.prefixes.connections),
    VARIABLES_PREFIX.with_default(DEFAULTS.prefixes.variables),
    CONFIG_PREFIX.with_default(DEFAULTS.prefixes.config),
    SEPARATOR.with_default(DEFAULTS.separator),
    KEEP_NEWLINE,
];

/// The option that holds the folder of a kind.
pub(super) const fn path_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Connection => CONNECTIONS_PATH.key,
        Kind::Variable => VARIABLES_PATH.key,
        Kind::Config => CONFIG_PATH.key,
    }
}

/// Without any folder nothing could ever be found.
pub(super) fn check(options: &Options, _environment: &Environment) -> Result<()> {
    let mut keys = Kind::ALL.map(path_key).into_iter().chain([PATH.key]);
    if keys.any(|key| options.non_empty(key).is_some()) {
        return Ok(());
    }
    Err(Error::config("no folder with mounted files is configured")
        .with_hint("Write the folder as `path`, such as /etc/airflow/secrets"))
}

/// Where the files of one kind are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The folder as the user wrote it, without slashes at its end.
    folder: String,
    /// How the paths of all its files begin: folder, slash, prefix and separator.
    pub(super) beginning: String,
}

impl Place {
    /// The place of `kind`; `None` if it is switched off or has no folder.
    fn of(options: &Options, kind: Kind) -> Option<Self> {
        let own = options.non_empty(path_key(kind));
        let folder = own.or_else(|| options.non_empty(PATH.key))?.trim_end_matches('/');
        let rules = PrefixRules::from_options(options, if own.is_some() { BARE } else { DEFAULTS });
        let prefix = rules.prefix(kind)?.trim_start_matches('/');
        let separator = if prefix.is_empty() { "" } else { rules.separator.as_str() };
        Some(Self { folder: folder.to_owned(), beginning: format!("{folder}/{prefix}{separator}") })
    }

    /// The folder, for the file system.
    pub(super) fn folder(&self) -> &str {
        if self.folder.is_empty() { "/" } else { &self.folder }
    }

    /// The path of the file for `id`.
    pub(super) fn name(&self, id: &str) -> SecretName {
        format!("{}{id}", self.beginning).into()
    }

    /// Whether `name` is the path of a file below the folder. Parts that begin with a dot lead out of it, or
    /// into what a mount keeps for itself, such as `..data`.
    pub(super) fn may_hold(&self, name: &str) -> bool {
        let below = name.strip_prefix(&self.folder).and_then(|rest| rest.strip_prefix('/'));
        let is_part = |part: &str| {
            (1..=LONGEST_PART).contains(&part.len()) && !part.starts_with('.') && !part.contains('\0')
        };
        name.len() <= LONGEST_PATH && below.is_some_and(|below| below.split('/').all(is_part))
    }
}

/// The places of all kinds.
pub(super) fn places(options: &Options) -> PerKind<Option<Place>> {
    PerKind::make(|kind| Place::of(options, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn beginnings(written: &[(&'static str, &str)]) -> [Option<String>; 3] {
        let places = places(&Options::of_texts(written));
        Kind::ALL.map(|kind| places.of(kind).as_ref().map(|place| place.beginning.clone()))
    }

    #[test]
    fn folder_prefix_and_separator_begin_a_name() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            beginnings(&[("path", "/s/")]),
            [text("/s/connections/"), text("/s/variables/"), text("/s/config/")]
        );
        assert_eq!(
            beginnings(&[("path", "/s"), ("sep", "."), ("variables_prefix", ""), ("config_prefix", "/c.")]),
            [text("/s/connections."), text("/s/"), text("/s/c.")]
        );
        assert_eq!(
            beginnings(&[("connections_path", "/c"), ("variables_path", "v"), ("variables_prefix", "x")]),
            [text("/c/"), text("v/x/"), None]
        );
        assert_eq!(beginnings(&[("path", "/"), ("sep", "")]).map(Option::unwrap)[0], "/connections");
    }

    #[test]
    fn null_switches_a_kind_off_and_no_folder_at_all_is_an_error() {
        let mut options = Options::of_texts(&[("path", "/s")]);
        options.set(VARIABLES_PREFIX.key, OptionValue::Null);
        assert_eq!(places(&options).variables, None);
        let checked = |options: &Options| check(options, &Environment::default());
        assert!(checked(&options).is_ok());
        assert!(checked(&Options::of_texts(&[("config_path", "/s")])).is_ok());
        insta::assert_snapshot!(checked(&Options::of_texts(&[("path", "")])).unwrap_err(), @r"no folder with mounted files is configured. Write the folder as `path`, such as /etc/airflow/secrets");
    }

    #[test]
    fn no_name_leads_out_of_the_folder_or_to_a_hidden_file() {
        let place = Place { folder: "/s".to_owned(), beginning: "/s/c/".to_owned() };
        let long = format!("/s/{}", "n".repeat(256));
        let deep = format!("/s{}", "/nnnnnnnn".repeat(500));
        for (name, is_valid) in [
            ("/s/c/a", true),
            ("/s/c/a.b/c", true),
            ("/s/c/a..", true),
            ("/s/c/\u{e9} \n", true),
            ("/s/c/", false),
            ("/s/c/..", false),
            ("/s/c/../a", false),
            ("/s/c/a/../../b", false),
            ("/s/c/..data", false),
            ("/s/c/..data/a", false),
            ("/s/c/.a", false),
            ("/s/c//a", false),
            ("/s/c/a/", false),
            ("/s/c/a\0", false),
            ("/sc/a", false),
            ("s/c/a", false),
            (&long, false),
            (&deep, false),
        ] {
            assert_eq!(place.may_hold(name), is_valid, "{name}");
        }
        let root = Place { folder: String::new(), beginning: "/".to_owned() };
        assert_eq!((root.folder(), root.may_hold("/a"), root.may_hold("a")), ("/", true, false));
    }
}
