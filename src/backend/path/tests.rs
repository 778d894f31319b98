//! The table of paths, and templates that cannot work.

use crate::backend::{Plan, Route, plan};
use crate::config::{RawOptions, RawValue, configure};
use crate::error::Result;
use crate::store::convention::{Kind, Lookup};
use crate::store::environment::Environment;
use crate::store::registry::find;

const KESTRA: &str = "{tenant}/{namespace:/}/{name}";
const TENANT: (&str, &str) = ("path_tenant", "internal");
const NAMESPACE: (&str, &str) = ("path_namespace", "company.team");
const INHERIT: (&str, &str) = ("inherit", "true");
const VAULT: [(&str, &str); 2] = [("url", "http://127.0.0.1:1"), ("token", "t")];

fn planned(store: &str, options: &[(&str, &str)], lookup: Lookup<'_>, multi_team: bool) -> Result<Plan> {
    let text = |(key, text): &(&str, &str)| ((*key).to_owned(), RawValue::Text((*text).to_owned()));
    let raw: RawOptions = options.iter().map(text).collect();
    let settings = configure(find(store).unwrap(), &raw, Environment::default())?.settings;
    plan(&settings, lookup, || multi_team)
}

fn names(store: &str, template: &str, more: &[(&str, &str)], lookup: Lookup<'_>) -> Vec<String> {
    let mut options = vec![("path_template", template)];
    options.extend(more);
    match planned(store, &options, lookup, true).unwrap() {
        Plan::Ask(Route(names, ..)) => names.iter().map(|name| name.as_str().to_owned()).collect(),
        Plan::Skip(skipped) => vec![skipped.reason(lookup.kind)],
    }
}

const fn variable(id: &str) -> Lookup<'_> {
    Lookup { kind: Kind::Variable, id, team: None }
}

/// A store, a template, further options, a lookup, and the names that are asked for.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Lookup<'a>, &'a [&'a str]);

#[test]
fn the_table_of_paths() {
    let of_team = |team| Lookup { team: Some(team), ..variable("db") };
    let both = [TENANT, NAMESPACE];
    let inherited = [TENANT, NAMESPACE, INHERIT];
    let azure = [TENANT, ("vault_url", "https://v.vault.azure.net")];
    let kind = [NAMESPACE, ("variables_prefix", "airflow")];
    let rows: &[Row<'_>] = &[
        ("memory", KESTRA, &both, variable("db"), &["internal/company/team/db"]),
        ("memory", KESTRA, &inherited, variable("db"), &["internal/company/team/db", "internal/company/db"]),
        (
            "memory",
            KESTRA,
            &inherited,
            of_team("sales"),
            &["internal/company/team/sales/db", "internal/company/team/db", "internal/company/db"],
        ),
        ("memory", KESTRA, &both, of_team("sales"), &["internal/company/team/sales/db"]),
        ("memory", KESTRA, &both, of_team(""), &["internal/company/team/db"]),
        ("memory", "{namespace}/{name}", &[NAMESPACE], variable("db"), &["company.team/db"]),
        ("memory", "{namespace:--}.{name}", &[NAMESPACE], variable("d-b"), &["company--team.d-b"]),
        ("memory", "x/{kind}/{name}", &[], of_team("sales"), &["x/variables/db"]),
        ("memory", "{namespace:/}/{name}", &kind, variable("db"), &["airflow/company/team/db"]),
        ("aws_secrets_manager", KESTRA, &both, variable("db"), &["internal/company/team/db"]),
        ("azure_key_vault", "{tenant}-{name}", &azure, variable("db"), &["internal-db"]),
        ("aws_systems_manager", KESTRA, &both, variable("db"), &["/internal/company/team/db"]),
        ("google_secret_manager", "{namespace:-}_{name}", &[NAMESPACE], variable("db"), &["company-team_db"]),
        (
            "memory",
            "{namespace:/}/{name}",
            &[("path_namespace", "one"), INHERIT],
            variable("db"),
            &["one/db"],
        ),
    ];
    for (store, template, options, lookup, expected) in rows {
        assert_eq!(names(store, template, options, *lookup), *expected, "{store} {template} {lookup:?}");
    }
}

#[test]
fn vault_has_kestras_paths_below_the_mount() {
    let mut options = VAULT.to_vec();
    options.extend([TENANT, NAMESPACE, INHERIT, ("mount_point", "dev")]);
    let own = ["dev/internal/company/team/MY_SECRET", "dev/internal/company/MY_SECRET"];
    assert_eq!(names("hashicorp_vault", KESTRA, &options, variable("MY_SECRET")), own);
    options.push(("variables_path", "null"));
    let off = names("hashicorp_vault", KESTRA, &options, variable("MY_SECRET"));
    assert_eq!(off, ["lookups of this kind (variable) are switched off in the options"]);
    let connection = Lookup { kind: Kind::Connection, ..variable("a/../b") };
    assert!(names("hashicorp_vault", KESTRA, &options, connection)[0].contains("no segment `.` or `..`"));
}

#[test]
fn the_beginning_of_names_is_known_for_listings() {
    let beginning = |store, options: &[(&str, &str)]| {
        let text = |(key, text): &(&str, &str)| ((*key).to_owned(), RawValue::Text((*text).to_owned()));
        let raw: RawOptions =
            [("path_template", KESTRA), TENANT, NAMESPACE, INHERIT].iter().chain(options).map(text).collect();
        let settings = configure(find(store).unwrap(), &raw, Environment::default()).unwrap().settings;
        let name = format!("{}db", settings.prefix(Kind::Variable).unwrap());
        let id = settings.convention.id_below(&settings.prefix(Kind::Variable).unwrap(), &name.into());
        (settings.prefixes(Kind::Variable), id)
    };
    let expected = ["internal/company/team/", "internal/company/"].map(str::to_owned).to_vec();
    assert_eq!(beginning("memory", &[]), (expected, Some("db".to_owned())));
    let below_mount =
        ["secret/internal/company/team/", "secret/internal/company/"].map(str::to_owned).to_vec();
    assert_eq!(beginning("hashicorp_vault", &VAULT), (below_mount, Some("db".to_owned())));
}

#[test]
fn no_id_and_no_team_reaches_the_names_of_another() {
    let skipped = |template: &str, lookup| {
        let options = [("path_template", template), NAMESPACE, INHERIT];
        matches!(planned("memory", &options, lookup, true).unwrap(), Plan::Skip(_))
    };
    for (template, id, expected) in [
        ("{namespace:/}/{name}", "sales/db", true),
        ("{namespace:/}/{name}", "d-b", false),
        ("{namespace:/}-{name}", "sales-db", true),
        ("{namespace:.}/{name}", "sales/db", false),
        ("{namespace}_{name}", "a_b", true),
    ] {
        assert_eq!(skipped(template, variable(id)), expected, "{template} {id}");
        assert_eq!(skipped(template, Lookup { team: Some("ops"), ..variable(id) }), expected);
        // Options of the configuration have no teams.
        assert!(!skipped(template, Lookup { kind: Kind::Config, ..variable(id) }));
        let options = [("path_template", template), NAMESPACE];
        assert!(matches!(planned("memory", &options, variable(id), false).unwrap(), Plan::Ask(_)));
    }
    for team in ["a.b", "a/b"] {
        assert!(skipped("{namespace:/}/{name}", Lookup { team: Some(team), ..variable("db") }), "{team}");
    }
}

#[test]
fn what_cannot_work_is_an_error_that_says_why() {
    let both = [TENANT, NAMESPACE];
    for (template, more, expected) in [
        ("{tenant}/{namespace:/}", &both[..], "has no {name}"),
        ("{name}/{tenant}", &both[..1], "does not end with {name}"),
        ("{name}{name}", &[], "does not end with {name}"),
        ("{tenant/{name}", &both[..1], "a brace that is not closed"),
        ("tenant}/{name}", &[], "a brace that is not closed"),
        ("{tenants}/{name}", &both[..1], "the unknown placeholder `{tenants}`"),
        ("{}/{name}", &[], "the unknown placeholder `{}`"),
        ("{tenant:/}/{name}", &both[..1], "takes nothing behind a colon"),
        ("{namespace:}/{name}", &both[1..], "does not say how parts are separated"),
        ("{namespace:x}/{name}", &both[1..], "does not say how parts are separated"),
        ("{namespace:/}{name}", &both[1..], "nothing that separates {namespace}"),
        ("{namespace:/}x{name}", &both[1..], "nothing that separates {namespace}"),
        ("{tenant}/{tenant}/{name}", &both[..1], "has {tenant} twice"),
        ("a\n/{name}", &[], "a control character"),
        (KESTRA, &both[1..], "`path_tenant` in backend_kwargs is missing"),
        (KESTRA, &both[..1], "`path_namespace` in backend_kwargs is missing"),
        ("{name}", &both[..1], "`path_tenant` in backend_kwargs has no effect"),
        ("{name}", &[INHERIT], "`inherit` in backend_kwargs has no effect"),
        ("", &both[1..], "`path_namespace` in backend_kwargs has no effect: there is no `path_template`"),
        ("{namespace:/}/{name}", &[("path_namespace", "a..b")], "has an empty part"),
        ("{namespace:/}/{name}", &[("path_namespace", "a/b")], "has the part `a/b`"),
    ] {
        let options: Vec<_> = [("path_template", template)].iter().chain(more).copied().collect();
        let error = planned("memory", &options, variable("db"), true).unwrap_err();
        assert!(error.message().contains(expected), "{template}: {error}");
        assert!(error.hint().is_some(), "{template}");
    }
    let options = [VAULT[0], VAULT[1], ("mount_point", "null"), ("path_template", "a/{name}")];
    let error = planned("hashicorp_vault", &options, variable("db"), true).unwrap_err();
    assert!(error.message().contains("needs a `mount_point`"), "{error}");
}
