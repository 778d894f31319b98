//! The summary as text and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::cli::output::{columns, counted};
use crate::cli::stats::{NameCount, Outcome, Summed};
use crate::redact::Shown;

/// For people: the number of lookups, a table of outcomes, the store's share compared with the quota, and
/// the names that asked it most.
pub(super) fn text(summed: &Summed) -> String {
    let path = Shown(&summed.path);
    let lookups = counted(summed.lookups, "lookup", "lookups");
    let mut text = format!("{path}: {lookups} of {}", counted(summed.processes, "process", "processes"));
    if let Some((first, last)) = &summed.span {
        let _ = write!(text, ", from {} to {}", Shown(first), Shown(last));
    }
    let _ = writeln!(text, "\n\n{}", columns(&outcomes(&summed.outcomes)));
    let (from_store, busiest) = (summed.from_store, summed.busiest_second);
    let _ = writeln!(
        text,
        "The store was asked for {from_store} of them, and for {busiest} in the busiest second."
    );
    let _ = match summed.quota_per_second {
        Some(rate) => writeln!(text, "The quota is {rate} calls a second, of all processes together."),
        None => writeln!(text, "No quota is configured (`rate_limit`), and none is known for this store."),
    };
    if !summed.most_asked.is_empty() {
        let _ =
            write!(text, "\nMost often asked of the store:\n{}", columns(&most_asked(&summed.most_asked)));
    }
    if summed.unread > 0 {
        let _ =
            writeln!(text, "\nLeft out, since not the audit's: {}.", counted(summed.unread, "line", "lines"));
    }
    text
}

fn outcomes(outcomes: &[Outcome]) -> Vec<Vec<String>> {
    let head = ["OUTCOME", "LOOKUPS", "FROM THE STORE", "P50", "P99"].map(str::to_owned).to_vec();
    let rows = outcomes.iter().map(|outcome| {
        let (lookups, from_store) = (outcome.times.len().to_string(), outcome.from_store.to_string());
        let (p50, p99) = (outcome.times.shown(50), outcome.times.shown(99));
        vec![Shown(&outcome.name).to_string(), lookups, from_store, p50, p99]
    });
    std::iter::once(head).chain(rows).collect()
}

fn most_asked(most_asked: &[NameCount]) -> Vec<Vec<String>> {
    let head = ["KIND", "ID", "FROM THE STORE", "LOOKUPS"].map(str::to_owned).to_vec();
    let rows = most_asked.iter().map(|asked| {
        let name = [&asked.kind, &asked.id].map(|text| Shown(text).to_string());
        name.into_iter().chain([asked.from_store.to_string(), asked.lookups.to_string()]).collect()
    });
    std::iter::once(head).chain(rows).collect()
}

/// For programs; docs/command-line.md has the shape.
pub(super) fn json(summed: &Summed) -> Value {
    let most_asked = summed.most_asked.iter().map(|asked| {
        json!({"kind": asked.kind, "id": asked.id, "lookups": asked.lookups, "from_store": asked.from_store})
    });
    json!({
        "file": summed.path,
        "lookups": summed.lookups,
        "processes": summed.processes,
        "from": summed.span.as_ref().map(|(first, _)| first),
        "to": summed.span.as_ref().map(|(_, last)| last),
        "outcomes": summed.outcomes.iter().map(outcome_as_json).collect::<Vec<_>>(),
        "from_store": summed.from_store,
        "busiest_second": summed.busiest_second,
        "quota_per_second": summed.quota_per_second,
        "most_asked": most_asked.collect::<Vec<_>>(),
        "unread_lines": summed.unread,
    })
}

fn outcome_as_json(outcome: &Outcome) -> Value {
    let mut json = outcome.times.as_json();
    json["outcome"] = json!(outcome.name);
    json["lookups"] = json!(outcome.times.len());
    json["from_store"] = json!(outcome.from_store);
    json
}
