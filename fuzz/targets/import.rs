//! Any text as the configuration of another tool: it is read or refused, and no message shows a value.

#![no_main]

use _native::config::import::{Asked, Tool, import, import_value};
use _native::value::Text;
use _native::value::json::{Object, Value, parse};
use libfuzzer_sys::fuzz_target;

const CANARY: &str = "Q7w9Zk3Vx5";
const TOOLS: [Option<Tool>; 4] = [None, Some(Tool::Airbyte), Some(Tool::Kestra), Some(Tool::Fivetran)];

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let kinds = [None, Some("aws_secrets_manager"), Some("vault"), Some("AZURE_KEY_VAULT"), Some(text)];
    let (tool, kind) = (TOOLS[usize::from(choice % 4)], kinds[usize::from(choice / 4) % kinds.len()]);
    let place = text.split_once(' ').filter(|_| choice % 3 == 0);
    let asked = Asked { tool, kind, place };
    let _ = import(text, asked);
    if text.contains(CANARY) {
        return;
    }
    let Ok(value) = parse(&Text::from(text)) else { return };
    let said = match import_value(&marked(&value, 0), asked) {
        Ok(imported) => format!("{imported:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!said.contains(CANARY), "a message shows a value");
});

/// The same with the canary behind every text but types and names, which messages show.
fn marked(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) => Value::from(format!("{}{CANARY}", text.to_str().unwrap_or_default())),
        Value::Array(items) if depth < 50 => {
            Value::from(items.iter().map(|item| marked(item, depth + 1)).collect::<Vec<_>>())
        }
        Value::Object(members) if depth < 50 => {
            let marked = members.iter().map(|(key, value)| {
                let is_shown =
                    key.to_str().is_some_and(|key| key.to_lowercase().contains("type") || key == "name");
                (key.clone(), if is_shown { value.clone() } else { marked(value, depth + 1) })
            });
            Value::from(marked.collect::<Object>())
        }
        other => other.clone(),
    }
}
