//! `strongroom import-config`: the configuration of another tool as options of a backend.

mod shown;

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::env::shown;
use crate::cli::masked::MASK;
use crate::cli::output::Report;
use crate::cli::uri::whole;
use crate::config::import::{Asked, Imported, Tool, import};
use crate::config::{Kwargs, RawOptions, RawValue, configure_from};
use crate::error::{Error, Result};
use crate::redact::quoted_path;
use crate::store::environment::Environment;
use crate::value::json::{Object, Value};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file; standard input if it is left out, or `-`.
    file: Option<PathBuf>,
    /// The tool; by default it is recognised by its keys.
    #[arg(long, value_name = "TOOL")]
    from: Option<From>,
    /// The type of the store in the words of the tool, where the configuration does not say it.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// The tenant of Kestra whose secrets in Vault are read.
    #[arg(long, value_name = "TENANT", requires = "namespace")]
    tenant: Option<String>,
    /// The namespace of Kestra whose secrets in Vault are read, such as company.team, and then its parents.
    #[arg(long, value_name = "NAMESPACE", requires = "tenant")]
    namespace: Option<String>,
    /// `json` prints `backend_kwargs`, `toml` a stores file with this store.
    #[arg(long, default_value = "json")]
    format: Format,
    /// The name of the store in a stores file.
    #[arg(long)]
    name: Option<String>,
    /// Show the secrets of the configuration.
    #[arg(long)]
    reveal: bool,
    /// Refuse unknown keys.
    #[arg(long)]
    strict: bool,
}

/// The tools by their words.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum From {
    /// The JSON of a secret storage.
    Airbyte,
    /// The YAML of `kestra.secret`.
    Kestra,
    /// The JSON of an external secrets manager.
    Fivetran,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// `backend_kwargs`.
    Json,
    /// A stores file.
    Toml,
}

impl From {
    const fn tool(self) -> Tool {
        match self {
            Self::Airbyte => Tool::Airbyte,
            Self::Kestra => Tool::Kestra,
            Self::Fivetran => Tool::Fivetran,
        }
    }
}

/// Prints the options. Makes no call.
pub(super) fn run(arguments: &Arguments) -> Result<Report> {
    let text = arguments.text()?;
    let tool = arguments.from.map(From::tool);
    let place = arguments.tenant.as_deref().zip(arguments.namespace.as_deref());
    let imported = import(&text, Asked { tool, kind: arguments.kind.as_deref(), place })?;
    if arguments.strict && !imported.unknown.is_empty() {
        return Err(
            Error::config(imported.unknown.join("; ")).with_hint("Without --strict they are left out")
        );
    }
    let (options, masked) = arguments.masked(&imported);
    let name = arguments.name(&imported)?;
    let class = imported.entry.python_class;
    let file = shown::stores_file(&name, imported.entry.info.name, &options)?;
    let text = match arguments.format {
        Format::Json => shown::kwargs(&options)?,
        Format::Toml => file.clone(),
    };
    let notes = notes(&imported);
    let json = json!({
        "backend": class,
        "backend_kwargs": shown::plain(&options),
        "stores_file": file,
        "from": imported.tool.as_str(),
        "masked": masked,
        "unknown": imported.unknown,
        "notes": notes,
    });
    let mut lines: Vec<_> = imported.unknown.iter().map(|text| format!("warning: {text}")).collect();
    lines.extend(notes.iter().map(|text| format!("note: {text}")));
    if !masked.is_empty() {
        lines.push(format!("note: {} shown as {MASK}: --reveal shows what was given", masked.join(", ")));
    }
    if arguments.format == Format::Json {
        lines.push(format!("note: these are options of {class}"));
    }
    Ok(Report { warnings: lines, ..Report::done(text, json).exact() })
}

impl Arguments {
    fn text(&self) -> Result<Zeroizing<String>> {
        let path = self.file.as_ref().filter(|path| path.as_os_str() != "-");
        let (input, name): (Box<dyn Read>, _) = match path {
            None => (Box::new(io::stdin()), "standard input".to_owned()),
            Some(path) => {
                let name = quoted_path(path);
                let unread = |error| Error::config(format!("{name} could not be read")).with_source(error);
                (Box::new(File::open(path).map_err(unread)?), name)
            }
        };
        let mut text = Zeroizing::new(String::new());
        let is_whole = whole(input, &mut text)
            .map_err(|error| Error::config(format!("{name} could not be read")).with_source(error))?;
        if !is_whole {
            return Err(Error::config(format!("{name} is longer than one MiB")));
        }
        Ok(text)
    }

    /// The options with secrets masked unless they are asked for, and the keys of those that are.
    fn masked(&self, imported: &Imported) -> (Object, Vec<String>) {
        let (mut options, mut masked) = (Object::new(), Vec::new());
        for (key, value) in &imported.options {
            let name = key.to_str().unwrap_or_default();
            let may_be_shown =
                if self.reveal { value.clone() } else { shown(imported.entry, name, &raw(value)) };
            if !self.reveal && may_be_shown.as_str() == Some(MASK) {
                masked.push(name.to_owned());
            }
            options.insert(key.clone(), may_be_shown);
        }
        (options, masked)
    }

    /// The name of the store in a chain: that of the tool without what a name cannot have.
    fn name(&self, imported: &Imported) -> Result<String> {
        let is_bad = |name: &str| {
            name.trim().is_empty() || name.contains(':') || ["arn", "http", "https"].contains(&name)
        };
        if let Some(name) = &self.name {
            return if is_bad(name) {
                Err(Error::config("--name is no name of a store")
                    .with_hint("Use a name without a colon that is none of arn, http and https"))
            } else {
                Ok(name.trim().to_owned())
            };
        }
        let of_tool = imported.name.as_deref().map(|name| name.replace(':', "-").trim().to_owned());
        let usable = of_tool.filter(|name| !is_bad(name));
        Ok(usable.unwrap_or_else(|| imported.entry.info.name.to_owned()))
    }
}

fn raw(value: &Value) -> RawValue {
    value.as_str().map_or_else(|| RawValue::Json(value.clone()), |text| RawValue::Text(text.to_owned()))
}

/// What a key cannot mean here, and what a backend with these options would say.
fn notes(imported: &Imported) -> Vec<String> {
    let options: RawOptions = imported
        .options
        .iter()
        .filter_map(|(key, value)| Some((key.to_str()?.to_owned(), raw(value))))
        .collect();
    let mut notes = imported.notes.clone();
    match configure_from(imported.entry, &options, Environment::of_process(), Kwargs::Read) {
        Ok(configured) => {
            notes.extend(configured.warnings);
            let faults = configured.settings.options.faults().map(ToString::to_string);
            notes.extend(faults.filter(|fault| notes_lack(&imported.notes, fault)).collect::<Vec<_>>());
        }
        Err(error) => notes.push(format!("not yet complete: {error}")),
    }
    notes
}

fn notes_lack(notes: &[String], fault: &str) -> bool {
    notes.iter().all(|note| note != fault)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        own: Arguments,
    }

    fn report(content: &str, options: &[&str]) -> Result<Report> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let path = file.path().to_str().unwrap();
        run(&Line::parse_from(["x", path].iter().chain(options)).own)
    }

    #[cfg(feature = "vault")]
    const VAULT: &str = "kestra: {secret: {type: vault, vault: {address: 'https://v:8200', token: {token: \
                         canary-1}}}}";

    #[test]
    #[cfg(all(feature = "vault", feature = "local"))]
    fn secrets_are_shown_only_when_asked_for() {
        for format in ["json", "toml"] {
            let masked = report(VAULT, &["--format", format]).unwrap();
            assert!(!format!("{}{}{:?}", masked.text, masked.json, masked.warnings).contains("canary"));
            assert_eq!(masked.json["masked"], json!(["token"]));
            assert!(report(VAULT, &["--format", format, "--reveal"]).unwrap().text.contains("canary-1"));
        }
    }

    #[test]
    #[cfg(all(feature = "vault", feature = "local"))]
    fn unknown_keys_are_left_out_or_refused() {
        let text = VAULT.replace("token: {", "adress: x, token: {");
        let done = report(&text, &[]).unwrap();
        assert!(done.warnings[0].contains("unknown key `adress` in `kestra.secret.vault`"));
        assert!(report(&text, &["--strict"]).unwrap_err().to_string().contains("`adress`"));
    }

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let line = Line::parse_from(["x", "/nonexistent/a.json"]);
        let error = run(&line.own).unwrap_err();
        assert_eq!(error.message(), "\"/nonexistent/a.json\" could not be read");
        let long = report(&" ".repeat((1 << 20) + 1), &[]).unwrap_err().to_string();
        assert!(long.ends_with("is longer than one MiB"), "{long}");
        assert!(report("", &[]).unwrap_err().to_string().starts_with("the configuration is empty"));
    }
}
