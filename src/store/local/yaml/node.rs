//! From the parser's events to nodes.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use zeroize::Zeroizing;

use super::super::error::Problem;
use super::forgive::{self, Spaced};
use super::tag::Tag;

/// The deepest nesting of containers, including aliases. Reading and dropping nodes is recursive, so this
/// limits the stack.
const MAX_DEPTH: usize = 200;

/// The most bytes that are parsed again because of [`forgive`].
const MAX_READ_AGAIN: usize = 4 << 20;

/// A piece of a document.
pub(in super::super) struct Node {
    /// Its contents.
    pub(in super::super) tag: Tag,
    /// What it holds.
    pub(in super::super) content: Content,
    /// The line where it starts.
    pub(in super::super) line: usize,
    /// How deep nodes are nested here: one for a scalar.
    depth: usize,
}

/// The contents of a node.
pub(in super::super) enum Content {
    /// The text of a scalar, without quotes and escapes.
    Scalar(Zeroizing<String>),
    /// The items of a sequence.
    Sequence(Vec<Rc<Node>>),
    /// The keys and values of a mapping in the order of the file.
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

impl Node {
    /// A problem in the line of this node.
    pub(in super::super) fn problem(&self, message: &'static str) -> Problem {
        Problem::at(self.line, message)
    }
}

/// Why a text is refused.
enum Unparsed {
    /// The parser does not understand it.
    Syntax(ScanError),
    /// The nodes do not form a document.
    Problem(Problem),
}

impl From<Problem> for Unparsed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Reads the only document of a text; `None` for an empty text.
pub(super) fn compose(text: &str) -> Result<Option<Rc<Node>>, Problem> {
    refuse_control_characters(text)?;
    let mut spaced: Option<Spaced> = None;
    let mut left = MAX_READ_AGAIN;
    loop {
        let current = spaced.as_ref().map_or(text, |spaced| spaced.text.as_str());
        let error = match compose_once(current) {
            Ok(root) => return Ok(root),
            Err(Unparsed::Problem(problem)) => return Err(problem),
            Err(Unparsed::Syntax(error)) => error,
        };
        let refused = || syntax(current, &error);
        // The parser stopped at the same place again, so more space does not help.
        if spaced.as_ref().is_some_and(|spaced| error.marker().index() <= spaced.stopped) {
            return Err(refused());
        }
        left = left.checked_sub(current.len()).ok_or_else(refused)?;
        spaced = Some(forgive::with_space(current, error.marker()).ok_or_else(refused)?);
    }
}

fn compose_once(text: &str) -> Result<Option<Rc<Node>>, Unparsed> {
    let mut composer = Composer::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(Unparsed::Syntax)?;
        composer.take(event, span)?;
    }
    Ok(composer.root)
}

/// libyaml accepts no other characters.
fn refuse_control_characters(text: &str) -> Result<(), Problem> {
    let refused = |character: char| {
        let is_control = character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}');
        is_control || matches!(character, '\u{fffe}' | '\u{ffff}')
    };
    match text.lines().zip(1..).find(|(line, _)| line.contains(refused)) {
        Some((_, line)) => Err(Problem::at(line, "control characters are not allowed")),
        None => Ok(()),
    }
}

/// Characters that cannot begin a token. All messages of the parser are fixed texts except the one that
/// quotes such a character.
const RESERVED: [char; 3] = ['%', '@', '`'];

fn syntax(text: &str, error: &ScanError) -> Problem {
    let marker = error.marker();
    let is_reserved = text.chars().nth(marker.index()).is_some_and(|character| RESERVED.contains(&character));
    let message = if is_reserved { "unexpected character" } else { error.info() };
    Problem::at(marker.line(), message.to_owned())
}

/// A container whose end has not been reached.
struct Open {
    anchor: usize,
    node: Node,
    /// The key of a mapping that has no value yet.
    key: Option<Rc<Node>>,
}

/// The state between events.
#[derive(Default)]
struct Composer {
    documents: usize,
    root: Option<Rc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
}

impl Composer {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let line = span.start.line();
        match event {
            Event::DocumentStart(_) => self.start_document(line),
            Event::Alias(anchor) => self.alias(anchor, line),
            Event::Scalar(text, style, anchor, tag) => {
                let tag = Tag::of_scalar(tag.as_deref(), &text, style == ScalarStyle::Plain);
                let content = Content::Scalar(Zeroizing::new(text.into_owned()));
                self.add(anchor, Node { tag, content, line, depth: 1 })
            }
            Event::SequenceStart(anchor, tag) => {
                let tag = Tag::of_container(tag.as_deref(), Tag::Sequence);
                self.start(anchor, Node { tag, content: Content::Sequence(Vec::new()), line, depth: 1 })
            }
            Event::MappingStart(anchor, tag) => {
                let tag = Tag::of_container(tag.as_deref(), Tag::Mapping);
                self.start(anchor, Node { tag, content: Content::Mapping(Vec::new()), line, depth: 1 })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn start_document(&mut self, line: usize) -> Result<(), Problem> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Problem::at(line, "expected a single document, but another one starts here"));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), Problem> {
        if self.open.iter().any(|open| open.anchor == anchor) {
            return Err(Problem::at(line, "an alias within the value that it refers to"));
        }
        match self.anchors.get(&anchor).cloned() {
            Some(node) => self.place(node),
            None => Err(Problem::at(line, "an alias without an anchor before it")),
        }
    }

    fn start(&mut self, anchor: usize, node: Node) -> Result<(), Problem> {
        self.check_depth(&node)?;
        self.open.push(Open { anchor, node, key: None });
        Ok(())
    }

    fn check_depth(&self, node: &Node) -> Result<(), Problem> {
        if self.open.len() + node.depth > MAX_DEPTH {
            return Err(node.problem("sequences and mappings are nested too deeply"));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        match self.open.pop() {
            Some(open) => self.add(open.anchor, open.node),
            None => Ok(()),
        }
    }

    /// Adds a finished node. Anchors count from one; zero means none.
    fn add(&mut self, anchor: usize, node: Node) -> Result<(), Problem> {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.place(node)
    }

    fn place(&mut self, node: Rc<Node>) -> Result<(), Problem> {
        self.check_depth(&node)?;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.node.depth = open.node.depth.max(node.depth + 1);
        match (&mut open.node.content, open.key.take()) {
            (Content::Sequence(items), _) => items.push(node),
            (Content::Mapping(_), None) => open.key = Some(node),
            (Content::Mapping(pairs), Some(key)) => pairs.push((key, node)),
            (Content::Scalar(_), _) => return Err(node.problem("a value within a scalar")),
        }
        Ok(())
    }
}
