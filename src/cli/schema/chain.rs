//! The schemas of a chain: its kwargs, and its file.

use serde_json::{Map, Value, json};

use crate::backend::chain::{CHAIN, DEFAULT_OPTION, FOREIGN, STORES_FILE_OPTION, STORES_OPTION};
use crate::cli::schema::{DRAFT, kinds, properties};
use crate::store::StoreEntry;
use crate::store::registry::STORES;

/// `backend_kwargs` of a chain.
pub(super) fn kwargs() -> Value {
    let mut options = properties(&CHAIN);
    let listed = |list: Value| {
        json!({"description": STORES_OPTION.doc, "writeOnly": true,
            "anyOf": [list, {"type": "string", "description": "The list as JSON text."}]})
    };
    options.insert(STORES_OPTION.key.to_owned(), listed(stores()));
    json!({
        "$schema": DRAFT,
        "title": format!("backend_kwargs of {}", CHAIN.python_class),
        "type": "object",
        "properties": options,
        "additionalProperties": false,
        "oneOf": [{"required": [STORES_OPTION.key]}, {"required": [STORES_FILE_OPTION.key]}],
        "$defs": definitions(),
    })
}

/// The TOML file that `stores_file` names.
pub(super) fn file() -> Value {
    json!({
        "$schema": DRAFT,
        "title": format!("The stores file of {}", CHAIN.python_class),
        "type": "object",
        "properties": {STORES_OPTION.key: stores()},
        "required": [STORES_OPTION.key],
        "additionalProperties": false,
        "$defs": definitions(),
    })
}

fn stores() -> Value {
    json!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/member"}})
}

/// The schemas of a member, of the options of each store, and of those that every store has.
fn definitions() -> Map<String, Value> {
    let own = |entry: &StoreEntry| -> Map<String, Value> {
        entry.options.iter().map(|spec| (spec.key.to_owned(), kinds::option(spec))).collect()
    };
    let mut common = properties(&CHAIN);
    // A member has words of its own for `on_error`; the rest are those of the chain.
    common.retain(|key, _| CHAIN.options.iter().all(|spec| spec.key != key));
    let mut definitions = Map::new();
    definitions.insert("member".to_owned(), member());
    definitions.insert("common".to_owned(), json!({"properties": common}));
    for entry in STORES.iter().chain([&FOREIGN]) {
        let options = json!({"$ref": "#/$defs/common", "properties": own(entry)});
        definitions.insert(entry.info.name.to_owned(), options);
    }
    definitions
}

/// A store of the chain: the keys of every member, and then those of its store.
fn member() -> Value {
    json!({
        "type": "object",
        "properties": keys(),
        "anyOf": [{"required": ["store"]}, {"required": ["class"]}, {"required": ["config"]}],
        "not": {"required": ["store", "class"]},
        "allOf": STORES.iter().map(of_store).chain([of_class(), of_tool()]).collect::<Vec<_>>(),
        "unevaluatedProperties": false,
    })
}

/// The keys of every member.
fn keys() -> Value {
    let texts = json!({"type": ["string", "array", "null"], "items": {"type": ["string", "null"]}});
    let on_error = CHAIN.options.iter().find(|spec| spec.key == "on_error");
    json!({
        "name": {"type": "string", "pattern": "^[^:]*$", "not": {"enum": ["arn", "http", "https"]},
            "description": "Its name in messages; no two members have the same."},
        "store": {"enum": STORES.iter().flat_map(words).collect::<Vec<_>>(),
            "description": "The registry name of the store, or its word on the command line."},
        "class": {"type": "string",
            "description": "In place of `store`: a backend class of another package."},
        "config": {"type": ["object", "string"],
            "description": "In place of `store`: the configuration of Airbyte, Kestra or Fivetran."},
        DEFAULT_OPTION.key: kinds::option(&DEFAULT_OPTION),
        "kinds": {"type": ["string", "array", "null"], "items": {"enum": KINDS},
            "description": "What it is asked for."},
        "teams": described(&texts, "The teams it is asked for; null, or an empty text in a file, means \
            lookups without a team."),
        "ids": {"type": ["string", "null"],
            "description": "A regular expression that ids match from their start."},
        "on_error": on_error.map(kinds::option),
    })
}

/// A member that names this store has its options.
fn of_store(entry: &'static StoreEntry) -> Value {
    json!({
        "if": {"required": ["store"], "properties": {"store": {"enum": words(entry).collect::<Vec<_>>()}}},
        "then": {"$ref": format!("#/$defs/{}", entry.info.name)},
    })
}

fn of_class() -> Value {
    json!({"if": {"required": ["class"]}, "then": {"$ref": format!("#/$defs/{}", FOREIGN.info.name)}})
}

/// The keys of a member with the configuration of another tool are those of the tool, and it names the store.
fn of_tool() -> Value {
    json!({
        "if": {"required": ["config"], "not": {"required": ["store"]}},
        "then": {"additionalProperties": true},
    })
}

/// The kinds, one or several of each.
const KINDS: [&str; 5] = ["connections", "variables", "config", "connection", "variable"];

fn described(schema: &Value, description: &str) -> Value {
    let mut schema = schema.clone();
    schema["description"] = description.into();
    schema
}

fn words(entry: &'static StoreEntry) -> impl Iterator<Item = &'static str> {
    let others = entry.tools.words.iter().copied().filter(|word| *word != entry.info.name);
    std::iter::once(entry.info.name).chain(others)
}
