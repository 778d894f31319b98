//! From nodes to JSON values, with merge keys resolved (`PyYAML` 6.0, `yaml/constructor.py`).

use std::collections::HashSet;
use std::rc::Rc;

use super::super::error::Problem;
use super::super::unread::{Note, Reason, shown_name};
use super::node::{Content, Node};
use super::scalar;
use super::tag::Tag;
use crate::value::json::{self, Object};
use crate::value::{Text, Value};

/// The cost of a value besides its text.
const COST_OF_VALUE: usize = 32;

/// The highest cost of a document for each of its bytes. Only aliases with many repetitions need more than
/// half of that: without the limit a few lines could grow to any size (the "billion laughs").
const COST_PER_BYTE: usize = 40;

/// The cost that any document may have, so that a small one can use aliases freely.
const COST_OF_ANY: usize = 1 << 20;

/// Airflow only asks for texts, so a name such as `1`, `yes` or a date is never found.
fn no_text(key: &Node, text: &Text) -> Note {
    let name = shown_name(text.to_str().unwrap_or_default());
    Note {
        id: None,
        line: Some(key.line),
        reason: Reason::Skipped,
        what: format!(
            "the name {name} is a number, a date or a word of YAML, not text, so it answers nothing"
        ),
        advice: "Write it in quotes".to_owned(),
    }
}

/// The names of a mapping that are written more than once: the last one counts.
fn repeated(root: &Node) -> Vec<Note> {
    let Content::Mapping(pairs) = &root.content else { return Vec::new() };
    let mut seen = HashSet::new();
    let again = pairs.iter().filter_map(|(key, _)| match &key.content {
        Content::Scalar(name) if key.tag != Tag::Merge && !seen.insert(name.as_str()) => Some((key, name)),
        _ => None,
    });
    let note = |(key, name): (&Rc<Node>, &zeroize::Zeroizing<String>)| Note {
        id: Some(name.to_string()),
        line: Some(key.line),
        reason: Reason::Dropped,
        what: format!("{:?} appears a second time, and the value before it is not read", name.as_str()),
        advice: "Leave one of them".to_owned(),
    };
    again.map(note).collect()
}

/// Reads values from the nodes of one document.
pub(in super::super) struct Reader {
    /// The cost that is left for values.
    budget: usize,
}

/// The keys and values of a mapping with merge keys resolved; of equal keys the last one counts.
pub(in super::super) type Pairs = Vec<(Rc<Node>, Rc<Node>)>;

impl Reader {
    /// A reader for the nodes of `text`.
    pub(in super::super) fn new(text: &str) -> Self {
        Self { budget: text.len().saturating_mul(COST_PER_BYTE).saturating_add(COST_OF_ANY) }
    }

    /// The names and values of a whole file. Keys that are not text are read, since they may be invalid, and
    /// left out.
    pub(super) fn top_level(&mut self, root: &Node) -> Result<(Object, Vec<Note>), Problem> {
        if !matches!((root.tag, &root.content), (Tag::Mapping, Content::Mapping(_))) {
            self.value(root)?;
            return Err(Problem::no_object());
        }
        let (mut object, mut notes) = (Object::new(), repeated(root));
        for (key, value) in self.pairs(root)? {
            let (text, value) = (self.key(&key)?, self.value(&value)?);
            if matches!(key.tag, Tag::Text | Tag::Value) {
                object.insert(text, value);
            } else {
                notes.push(no_text(&key, &text));
            }
        }
        Ok((object, notes))
    }

    /// The value of a node.
    pub(in super::super) fn value(&mut self, node: &Node) -> Result<Value, Problem> {
        self.spend(node, COST_OF_VALUE)?;
        match (node.tag, &node.content) {
            (Tag::Sequence, Content::Sequence(items)) => self.array(items),
            (Tag::Mapping, Content::Mapping(_)) => self.object(node).map(Value::from),
            (Tag::Set, Content::Mapping(_)) => self.set(node),
            (Tag::Pairs, Content::Sequence(items)) => self.list_of_pairs(items),
            (Tag::Sequence | Tag::Pairs, _) => Err(node.problem("expected a sequence")),
            (Tag::Mapping | Tag::Set, _) => Err(node.problem("expected a mapping")),
            (Tag::Merge | Tag::Value | Tag::Unknown, _) => {
                Err(node.problem("a value with a tag that is not known"))
            }
            (tag, Content::Scalar(text)) => self.scalar(node, tag, text),
            _ => Err(node.problem("expected a scalar")),
        }
    }

    /// The pairs of a mapping. Merged ones come first, so that the mapping's own keys win.
    pub(in super::super) fn pairs(&mut self, node: &Node) -> Result<Pairs, Problem> {
        let Content::Mapping(own) = &node.content else {
            return Err(node.problem("expected a mapping to merge"));
        };
        let (mut merged, mut kept) = (Pairs::new(), Pairs::new());
        for (key, value) in own {
            self.spend(key, COST_OF_VALUE)?;
            if key.tag == Tag::Merge {
                merged.extend(self.merged(value)?);
            } else {
                kept.push((Rc::clone(key), Rc::clone(value)));
            }
        }
        merged.extend(kept);
        Ok(merged)
    }

    /// The pairs that a `<<` merges: those of one mapping, or of several of which the first wins.
    fn merged(&mut self, node: &Node) -> Result<Pairs, Problem> {
        let pairs = match &node.content {
            Content::Sequence(mappings) => {
                let mut all = Pairs::new();
                // Of equal keys the last one counts, so the first mapping is added last.
                for mapping in mappings.iter().rev() {
                    all.extend(self.pairs(mapping)?);
                }
                all
            }
            _ => self.pairs(node)?,
        };
        self.spend(node, pairs.len().saturating_mul(COST_OF_VALUE))?;
        Ok(pairs)
    }

    fn object(&mut self, node: &Node) -> Result<Object, Problem> {
        let mut object = Object::new();
        for (key, value) in self.pairs(node)? {
            object.insert(self.key(&key)?, self.value(&value)?);
        }
        Ok(object)
    }

    fn array(&mut self, items: &[Rc<Node>]) -> Result<Value, Problem> {
        let items: Result<Vec<Value>, Problem> = items.iter().map(|item| self.value(item)).collect();
        Ok(Value::from(items?))
    }

    /// JSON has no sets: the members without duplicates.
    fn set(&mut self, node: &Node) -> Result<Value, Problem> {
        let members: Vec<Value> = self.object(node)?.into_iter().map(|(key, _)| Value::from(key)).collect();
        Ok(Value::from(members))
    }

    /// `!!omap` and `!!pairs`: a list of pairs, as in Python.
    fn list_of_pairs(&mut self, items: &[Rc<Node>]) -> Result<Value, Problem> {
        let mut list = Vec::new();
        for item in items {
            let Content::Mapping(pairs) = &item.content else {
                return Err(item.problem("expected a mapping"));
            };
            let [(key, value)] = pairs.as_slice() else { return Err(item.problem("expected a single pair")) };
            list.push(Value::from(vec![self.value(key)?, self.value(value)?]));
        }
        Ok(Value::from(list))
    }

    fn scalar(&mut self, node: &Node, tag: Tag, text: &str) -> Result<Value, Problem> {
        self.spend(node, text.len())?;
        let number = || node.problem("the scalar is no number that Python can read");
        match tag {
            Tag::Null => Ok(Value::Null),
            Tag::Bool => {
                scalar::boolean(text).map(Value::from).ok_or_else(|| node.problem("expected a boolean"))
            }
            Tag::Int => scalar::integer(text).map(Value::Int).ok_or_else(number),
            Tag::Float => scalar::float(text).map(Value::from).ok_or_else(number),
            _ => Ok(Value::from(text)),
        }
    }

    /// The text that `json.dumps` makes of a key.
    fn key(&mut self, node: &Node) -> Result<Text, Problem> {
        if let (Tag::Text | Tag::Value, Content::Scalar(text)) = (node.tag, &node.content) {
            self.spend(node, text.len())?;
            return Ok(Text::from(text.as_str()));
        }
        match self.value(node)? {
            Value::Array(_) | Value::Object(_) => Err(node.problem("a list or a mapping cannot be a key")),
            value @ Value::String(_) => Ok(value.into_text().unwrap_or_default()),
            value => Ok(json::write(&value)),
        }
    }

    fn spend(&mut self, node: &Node, cost: usize) -> Result<(), Problem> {
        let left = self.budget.checked_sub(cost);
        self.budget = left.ok_or_else(|| node.problem("aliases make this document too big"))?;
        Ok(())
    }
}
