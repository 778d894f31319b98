//! The options that come out of a configuration.

use crate::config::import::block::{Block, Findings};
use crate::store::options::OptionSpec;
use crate::store::registry::find;
use crate::value::Text;
use crate::value::json::{self, Object, Value};

/// The options of a store, in the order in which they were found.
pub(super) struct Draft {
    /// The registry name of the store.
    pub(super) store: &'static str,
    pub(super) name: Option<String>,
    pub(super) options: Object,
}

impl Draft {
    pub(super) fn of(store: &'static str) -> Self {
        Self { store, name: None, options: Object::new() }
    }

    /// Sets an option, if there is a value.
    pub(super) fn put(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.options.insert(Text::from(key), value.into());
        }
    }

    /// Sets a member of an option that is an object.
    pub(super) fn put_into(&mut self, option: &str, key: &str, value: Option<impl Into<Value>>) {
        let Some(value) = value else { return };
        let mut members = self.options.get(option).and_then(Value::as_object).cloned().unwrap_or_default();
        members.insert(Text::from(key), value.into());
        self.options.insert(Text::from(option), Value::from(members));
    }

    /// Lets the names of all kinds begin with `prefix`, and says so, since no key of ours means that.
    pub(super) fn prefix(&mut self, place: &str, prefix: Option<&str>, found: &mut Findings) {
        let Some(prefix) = prefix.map(|prefix| prefix.trim_matches('/')) else { return };
        let entry = find(self.store);
        let declared = entry.iter().flat_map(|entry| entry.options);
        let mut keys = Vec::new();
        for spec in declared.filter(|spec| is_prefix(spec)) {
            let default = spec.default_text();
            let written = if default.contains("airflow") {
                default.replacen("airflow", prefix, 1)
            } else {
                format!("{prefix}/{default}")
            };
            keys.push(format!("`{}`", spec.key));
            self.put(spec.key, Some(written));
        }
        found.notes.push(format!(
            "{place} becomes {}: Airflow's secrets have a prefix for each kind",
            keys.join(", ")
        ));
    }
}

/// Whether names of a kind begin with the option.
fn is_prefix(spec: &OptionSpec) -> bool {
    let (kind, rest) = spec.key.split_once('_').unwrap_or_default();
    ["connections", "variables", "config"].contains(&kind) && ["prefix", "path"].contains(&rest)
}

/// The JSON of a key of Google, as text or as an object. The documents show one with `...` in place of its
/// parts, which is passed on with a note.
pub(super) fn google_key(block: &mut Block<'_>, key: &'static str, found: &mut Findings) -> Option<Value> {
    if let Some(Value::Object(members)) = block.peek(key) {
        block.mark(key);
        return Some(Value::from(members.clone()));
    }
    let text = block.text(key, found)?;
    match json::parse(&Text::from(text.as_str())) {
        Ok(value @ Value::Object(_)) => Some(value),
        Ok(_) => block.fault(key, "is JSON, but not the object of a key file", found),
        Err(_) if text.lines().any(|line| line.trim() == "...") => {
            let note = "is abridged (`...`): put in the whole key file, or lookups fail";
            found.notes.push(block.sentence(key, note));
            Some(Value::from(text))
        }
        Err(error) => block.fault(key, &format!("is no valid JSON of a key file ({error})"), found),
    }
}

/// The address of a key vault: https, a host, and nothing else. The text says what is wrong with it.
pub(super) fn vault_address(address: &str) -> Result<(), &'static str> {
    let Some(rest) = address.strip_prefix("https://") else {
        return Err("is no address that begins with https://");
    };
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.contains('@') {
        return Err("has a user in its address");
    }
    let (host, port) = host.split_once(':').unwrap_or((host, "443"));
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
    let is_label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    if host.is_empty() || !host.chars().all(is_host) || !host.split('.').all(is_label) {
        return Err("has no valid host, or more than a host");
    }
    if port.parse::<u16>().is_err() {
        return Err("has no valid port");
    }
    Ok(())
}

/// Whether the host is one of the clouds of Azure.
pub(super) fn is_of_azure(address: &str) -> bool {
    const CLOUDS: [&str; 4] =
        [".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net", ".vault.microsoftazure.de"];
    let host = address.trim_end_matches('/').to_ascii_lowercase();
    CLOUDS.iter().any(|cloud| host.ends_with(cloud))
}

/// Checks the address of a key vault, and passes it on.
pub(super) fn checked_vault(
    block: &mut Block<'_>,
    key: &'static str,
    address: Option<String>,
    found: &mut Findings,
) -> Option<String> {
    let address = address?;
    if let Err(problem) = vault_address(&address) {
        return block.fault(key, problem, found);
    }
    if !is_of_azure(&address) {
        let note = "is not in a domain of Azure: its certificate and `verify_challenge_resource` decide \
        whether \
                    it is trusted";
        found.notes.push(block.sentence(key, note));
    }
    Some(address)
}
