//! Cloning, comparing and dropping of values without recursion: the derived code would take a stack frame or
//! more for each level of nesting.

use std::slice::Iter;

use super::{Object, Value};
use crate::value::text::Text;

impl Value {
    fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_))
    }

    fn holds_containers(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().any(Self::is_container),
            Self::Object(members) => members.iter().any(|(_, value)| value.is_container()),
            _ => false,
        }
    }

    fn move_children(&mut self, children: &mut Vec<Self>) {
        match self {
            Self::Array(items) => children.append(items),
            Self::Object(members) => children.extend(std::mem::take(members).into_values()),
            _ => {}
        }
    }
}

/// Takes a tree apart level by level.
impl Drop for Value {
    fn drop(&mut self) {
        // Without nested containers the compiler's own drop does not recurse.
        if !self.holds_containers() {
            return;
        }
        let mut pending = Vec::new();
        self.move_children(&mut pending);
        while let Some(mut value) = pending.pop() {
            value.move_children(&mut pending);
        }
    }
}

/// Equal as in Python, except for numbers: types must agree (`1 == 1.0` is false here).
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        let mut pending = vec![(self, other)];
        while let Some((left, right)) = pending.pop() {
            let is_equal = match (left, right) {
                (Self::Null, Self::Null) => true,
                (Self::Bool(left), Self::Bool(right)) => left == right,
                (Self::Int(left), Self::Int(right)) => left == right,
                (Self::Float(left), Self::Float(right)) => left == right,
                (Self::String(left), Self::String(right)) => left == right,
                (Self::Array(left), Self::Array(right)) => {
                    pending.extend(left.iter().zip(right));
                    left.len() == right.len()
                }
                (Self::Object(left), Self::Object(right)) => push_members(left, right, &mut pending),
                _ => false,
            };
            if !is_equal {
                return false;
            }
        }
        true
    }
}

/// Queues the values of equal keys, and returns whether the keys are the same.
fn push_members<'a>(left: &'a Object, right: &'a Object, pending: &mut Vec<(&'a Value, &'a Value)>) -> bool {
    let pairs = left.iter().map_while(|(key, value)| Some((value, right.get_text(key)?)));
    let before = pending.len();
    pending.extend(pairs);
    pending.len() - before == left.len() && left.len() == right.len()
}

/// A container that is being copied: the members still to come, and the copy so far.
enum Copying<'a> {
    Array(Iter<'a, Value>, Vec<Value>),
    Object(Iter<'a, (Text, Value)>, Object, Option<&'a Text>),
}

impl<'a> Copying<'a> {
    fn next_member(&mut self) -> Option<&'a Value> {
        match self {
            Self::Array(items, _) => items.next(),
            Self::Object(members, _, pending_key) => {
                let (key, value) = members.next()?;
                *pending_key = Some(key);
                Some(value)
            }
        }
    }

    fn add(&mut self, copy: Value) {
        match self {
            Self::Array(_, items) => items.push(copy),
            Self::Object(_, members, pending_key) => {
                if let Some(key) = pending_key.take() {
                    members.insert(key.clone(), copy);
                }
            }
        }
    }

    fn finish(self) -> Value {
        match self {
            Self::Array(_, items) => Value::Array(items),
            Self::Object(_, members, _) => Value::Object(members),
        }
    }
}

/// Copies a scalar, or puts a container on the stack and returns None.
fn start_copy<'a>(value: &'a Value, open: &mut Vec<Copying<'a>>) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Null),
        Value::Bool(boolean) => Some(Value::Bool(*boolean)),
        Value::Int(integer) => Some(Value::Int(integer.clone())),
        Value::Float(float) => Some(Value::Float(*float)),
        Value::String(text) => Some(Value::String(text.clone())),
        Value::Array(items) => {
            open.push(Copying::Array(items.iter(), Vec::with_capacity(items.len())));
            None
        }
        Value::Object(members) => {
            open.push(Copying::Object(members.iter(), Object::new(), None));
            None
        }
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        let mut open = Vec::new();
        let mut copy = start_copy(self, &mut open);
        while let Some(container) = open.last_mut() {
            if let Some(copy) = copy.take() {
                container.add(copy);
            }
            copy = match container.next_member() {
                Some(member) => start_copy(member, &mut open),
                None => open.pop().map(Copying::finish),
            };
        }
        copy.unwrap_or_default()
    }
}
