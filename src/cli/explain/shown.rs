//! A search as text.

use std::fmt::Write;
use std::time::Duration;

use crate::backend::chain::MemberSearch;
use crate::backend::{AskedName, Explained};
use crate::cli::coordinates::Coordinates;
use crate::cli::explain::remedy::remedy;
use crate::cli::explain::{BackendSearch, Search};
use crate::cli::near::question;
use crate::cli::subject::LookedUp;
use crate::config::airflow::Component;
use crate::error::Error;
use crate::redact::Shown;
use crate::store::convention::Kind;

/// The last place, which is not examined here.
const METASTORE: &str =
    "Airflow's database; not read here: see `airflow connections list` and `airflow variables list`";

/// How a task of Airflow 3 reaches it.
const THROUGH_SERVER: &str = "a task of Airflow 3 asks through the API server, which first looks in \
[secrets] and in its own environment";

/// What differs between this command and a lookup.
const AGENT: &str = "Airflow's lookups ask the agent, which may hold an older answer; here the store itself \
was asked";

/// How versions differ if workers have a backend.
const WORKERS: &str = "Airflow 2 reads no [workers]: there the search begins with [secrets]";

/// What answers, in a few words.
pub(super) fn answered_by(search: &Search<'_>) -> Option<String> {
    if let Some(option) = search.option() {
        return Some(option.to_owned());
    }
    let by_backend = search.backend().map(|asked| format!("the backend of {}", owner(asked.component)));
    by_backend.or_else(|| search.variable().map(|place| place.name.clone()))
}

/// The backends before the answering one whose answers are not known here.
pub(super) fn may_answer_first(search: &Search<'_>) -> Vec<String> {
    let unknown = search.backends.iter().filter(|asked| asked.may_answer());
    unknown.map(|asked| format!("the backend of {}", owner(asked.component))).collect()
}

fn owner(component: Component) -> &'static str {
    match component {
        Component::Server => "[secrets]",
        Component::Worker => "[workers]",
    }
}

/// For people: a numbered list of places, the outcome, and the remedy.
pub(super) fn text(search: &Search<'_>) -> String {
    let lookup = search.lookup;
    let team = lookup.team.map(|team| format!(" of team `{}`", Shown(team))).unwrap_or_default();
    let mut text = format!("{} `{}`{team}\n", lookup.kind.title(), Shown(lookup.id));
    for (number, (title, body)) in places(search).into_iter().enumerate() {
        let _ = write!(text, "\n{}. {title}\n{body}", number + 1);
    }
    let _ = writeln!(text, "\nOutcome: {}", outcome(search));
    if let Some(remedy) = remedy(search) {
        let _ = writeln!(text, "Remedy:  {remedy}");
    }
    text
}

/// The places in the order of the search, each with its outcome. A task reads its own environment before the
/// API server asks the backend of `[secrets]`.
fn places(search: &Search<'_>) -> Vec<(String, String)> {
    let kind = search.lookup.kind;
    let asked = |asked: &BackendSearch| {
        (format!("{} ({})", Shown(&asked.class), asked.configured), backend(asked, kind, search.coordinates))
    };
    let mut places: Vec<_> = search.backends.iter().map(asked).collect();
    places.extend(search.unconfigured.as_ref().map(|error| {
        ("The secrets backend".to_owned(), format!("   not asked: {}\n", Error::message(error)))
    }));
    if search.lookup.kind == Kind::Config {
        places.insert(0, ("Options that take their value from the backend".to_owned(), options(search)));
        places.push((
            "The default of the option".to_owned(),
            "   where nothing before it answers\n".to_owned(),
        ));
        return places;
    }
    let after_first = places.len().min(1);
    places.insert(after_first, ("Environment variables".to_owned(), variables(search)));
    places.push(("Metastore".to_owned(), format!("   {METASTORE}\n   {THROUGH_SERVER}\n")));
    places
}

/// The options that ask for a config value. Airflow never asks for one unless an option does.
fn options(search: &Search<'_>) -> String {
    let mut text = String::new();
    for named in &search.options {
        let state = named.hidden_by.as_ref().map_or_else(
            || "asks for it".to_owned(),
            |hidden_by| format!("does not ask: {} takes precedence over it", Shown(hidden_by)),
        );
        let _ = writeln!(text, "   {}: {state}", Shown(&named.place));
    }
    if text.is_empty() {
        text.push_str("   none of this component: no _SECRET or _secret form holds this text\n");
    }
    if search.tasks_differ {
        text.push_str(
            "   code of tasks asks the backend of [workers] from Airflow 3.2 on: see it with --workers\n",
        );
    }
    text
}

fn variables(search: &Search<'_>) -> String {
    let mut text = String::new();
    for variable in &search.variables {
        let state = match (variable.is_set, search.variable() == Some(variable)) {
            (true, true) => "set; Airflow takes it",
            (true, false) => "set, but not reached: the search ends before",
            (false, _) => "not set",
        };
        let _ = writeln!(text, "   {}: {state}", Shown(&variable.name));
    }
    if text.is_empty() {
        text.push_str("   none is looked at: with teams, the id could be another team's\n");
    }
    text
}

/// What answers, and what may answer before it.
fn outcome(search: &Search<'_>) -> String {
    let outcome = answered_by(search)
        .map_or_else(|| unanswered(search).to_owned(), |by| format!("answered by {}", Shown(&by)));
    match may_answer_first(search).as_slice() {
        [] => outcome,
        unknown => format!("{outcome}; {} may answer first", unknown.join(" and ")),
    }
}

fn unanswered(search: &Search<'_>) -> &'static str {
    if search.backends.iter().any(BackendSearch::stops) {
        "Airflow is told to stop its search"
    } else if search.error().is_some() {
        match search.lookup.kind {
            Kind::Config if search.backends.iter().any(BackendSearch::raises) => {
                "the backend gave no answer; what reads the option fails, and Airflow may not start"
            }
            Kind::Config => "the backend gave no answer; Airflow uses the option's default",
            _ => "the backend gave no answer, and the environment has none; Airflow asks the metastore",
        }
    } else if search.lookup.kind == Kind::Config {
        "no value that is known; Airflow uses the option's default"
    } else if search.is_left_to_the_server() {
        "nothing on this host; Airflow's server answers"
    } else if search.backends.iter().any(BackendSearch::may_answer) {
        "no place that was asked has it; Airflow asks the metastore last"
    } else if search.backends.is_empty() {
        "not in the environment, and there is no backend; Airflow asks the metastore"
    } else if search.backends.iter().any(|asked| asked.unusable.is_some()) {
        "the backend has it in a form that Airflow cannot use, and the environment has none; Airflow asks \
        the metastore"
    } else {
        "not in the backend nor in the environment; Airflow asks the metastore"
    }
}

/// Members of a chain that no agent asks.
fn besides(left_out: &[String]) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let named: Vec<_> = left_out.iter().map(|name| format!("`{}`", Shown(name))).collect();
    format!("; a class of another package is asked by the process itself: {}", named.join(", "))
}

fn backend(asked: &BackendSearch, kind: Kind, coordinates: Coordinates) -> String {
    let mut text = String::new();
    if let Some(identity) = &asked.identity {
        let _ = writeln!(text, "   asked as {identity}");
    }
    if asked.component == Component::Worker {
        let _ = writeln!(text, "   {WORKERS}");
    }
    if let Some(left_out) = &asked.agent {
        let _ = writeln!(text, "   {AGENT}{}", besides(left_out));
    }
    text.push_str(&answer(asked, kind, coordinates));
    for absence in &asked.absences {
        let _ = writeln!(text, "   {}", absence.text());
    }
    if let Some(question) = question(&asked.near) {
        let _ = writeln!(text, "   there are ids like it: {question}");
    }
    if let Some(unusable) = &asked.unusable {
        let _ = writeln!(text, "   Airflow cannot use it, and goes on: {unusable}");
    }
    text.push_str(&cached(asked));
    // The log of an error repeats the error itself.
    let is_said = |warning: &str| asked.error().is_some_and(|error| warning.contains(error.message()));
    for warning in asked.warnings.iter().filter(|warning| !is_said(warning)) {
        let _ = writeln!(text, "   warning: {warning}");
    }
    text
}

/// What the backend answered, or why it was not asked.
fn answer(asked: &BackendSearch, kind: Kind, coordinates: Coordinates) -> String {
    match &asked.answer {
        None => "   not asked: the search was over before\n".to_owned(),
        Some(LookedUp::NotAsked(reason)) if asked.is_foreign || asked.is_left_to_the_server => {
            format!("   not asked: {reason}\n")
        }
        Some(LookedUp::NotAsked(reason)) => format!("   nothing asked: {reason}\n"),
        Some(LookedUp::Refused(error)) => format!("   nothing asked: {error}\n"),
        Some(LookedUp::Asked(explained)) => steps(explained, kind, coordinates),
    }
}

/// The names that were asked for, of each member in a chain, and the error.
fn steps(explained: &Explained, kind: Kind, coordinates: Coordinates) -> String {
    let mut text: String = match explained.members.as_slice() {
        [] => explained.steps.iter().map(|step| step_line(step, coordinates)).collect(),
        members => members.iter().map(|member| member_lines(member, kind, coordinates)).collect(),
    };
    if let Some(error) = &explained.error {
        let _ = writeln!(text, "   error: {error}\n   {}", fate(explained, kind));
    }
    text
}

/// What Airflow does after an error.
fn fate(explained: &Explained, kind: Kind) -> &'static str {
    match &explained.outcome {
        Ok(_) => "Airflow is answered None and goes on",
        Err(failure) if failure.stops_airflow => "Airflow is told to stop",
        Err(_) if kind == Kind::Config => "Airflow raises AirflowConfigException in what reads the option",
        Err(_) => "Airflow logs it and goes on",
    }
}

/// How long each process keeps what it has read.
fn cached(asked: &BackendSearch) -> String {
    let Some(times) = asked.times else { return String::new() };
    let [timeout, ttl, negative] =
        times.map(|millis| time(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))));
    format!(
        "   cache: each process keeps a value for {ttl} and an absence for {negative}; a lookup may take \
        {timeout}\n"
    )
}

fn step_line(step: &AskedName, coordinates: Coordinates) -> String {
    let name = match &step.referred {
        Some(referred) => coordinates.name(referred),
        None => step.name.to_string(),
    };
    format!("   {name}: {} ({}, {})\n", step.outcome, time(step.took), origin(step))
}

/// A member of a chain: what it answered, or why it was not asked.
fn member_lines(member: &MemberSearch, kind: Kind, coordinates: Coordinates) -> String {
    let state = match (&member.passed_over, member.outcome) {
        (Some(reason), _) => format!("passed over: {}", reason.reason(kind)),
        (None, None) => "not asked: the search was over before".to_owned(),
        (None, Some(outcome)) => outcome.to_owned(),
    };
    let mut text = format!("   `{}` ({}): {state}\n", Shown(&member.name), member.title);
    for step in &member.steps {
        let _ = write!(text, "   {}", step_line(step, coordinates));
    }
    text
}

fn origin(step: &AskedName) -> &'static str {
    if step.asked_store { "from the store" } else { "from memory" }
}

fn time(time: Duration) -> String {
    if time.as_secs() > 0 && time.subsec_millis() == 0 {
        format!("{}s", time.as_secs())
    } else {
        format!("{}ms", time.as_millis())
    }
}
