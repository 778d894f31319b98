//! The grant that a reader needs. A database grants whole tables, and knows no prefixes.

use crate::error::{Error, Result};
use crate::store::environment::Environment;
use crate::store::kit::database_url::Dialect;
use crate::store::options::Options;
use crate::store::tools::{PolicyRequest, PolicyTool};

use super::config::{TABLE, USERNAME};
use super::settings;
use super::table::{Table, grant};

/// A grant is for a whole table, so names are not needed.
pub(super) const POLICY: PolicyTool =
    PolicyTool { check_asked, without_names: None, ..PolicyTool::new(write) };

fn check_asked(request: &PolicyRequest) -> Result<()> {
    request.refuse_tags_and_keys()?;
    if request.prefixes.is_empty() {
        return Ok(());
    }
    Err(Error::config("a grant is for a whole table, so `--prefix` cannot be kept")
        .with_hint("Keep what others may not read in a table of its own, and name it in `table`"))
}

/// The statement for the configured user, table and database; PostgreSQL where none is configured.
fn write(request: &PolicyRequest) -> String {
    let user = request.options.non_empty(USERNAME.key).unwrap_or("airflow");
    grant(dialect(request), &table(&request.options), user, request.manages)
}

fn dialect(request: &PolicyRequest) -> Dialect {
    let asked = request.account.as_deref().and_then(Dialect::of_word);
    let of_url = || settings::written(&request.options, &Environment::default())?.ok().map(|url| url.dialect);
    asked.or_else(of_url).unwrap_or(Dialect::PostgreSql)
}

/// The configured table, or the usual one.
pub(super) fn table(options: &Options) -> Table {
    Table::parse(options.text_of(&TABLE)).unwrap_or_else(|_| Table::usual())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_for_one_table_and_one_user() {
        let written = |manages, options: &[(&'static str, &str)]| {
            write(&PolicyRequest { manages, options: Options::of_texts(options), ..PolicyRequest::default() })
        };
        assert_eq!(written(false, &[]), "GRANT SELECT ON \"strongroom_secrets\" TO \"airflow\";\n");
        let options = [("url", "jdbc:mysql://h/d"), ("table", "a.b"), ("username", "u")];
        assert_eq!(written(true, &options), "GRANT SELECT, INSERT, UPDATE, DELETE ON `a`.`b` TO `u`;\n");
        let asked = PolicyRequest { account: Some("mariadb".to_owned()), ..PolicyRequest::default() };
        assert!(write(&asked).contains('`'));
    }
}
