//! The state of one project: its objects, and those that could not be read.

use crate::ids::{ObjectId, Seq};
use crate::protocol::change::Change;
use crate::protocol::props::Props;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};

/// One thing on the canvas. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Seq of its last change.
    pub rev: Seq,
    /// Its properties.
    pub props: Props,
}

/// What a project's readers may ask: the whole canvas, or a draft over it.
pub trait View: Send + Sync {
    /// The object, if it exists.
    fn object(&self, id: &ObjectId) -> Option<&Object>;
    /// Whether a stored object of this id could not be read and is set aside.
    fn is_quarantined(&self, id: &ObjectId) -> bool;
    /// Number of objects.
    fn len(&self) -> usize;
    /// Whether there are no objects.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Bytes of all props.
    fn bytes(&self) -> usize;
}

/// All objects of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Canvas {
    objects: HashMap<ObjectId, Object>,
    /// Stored objects that cannot be read, as they were found: set aside, kept, never served.
    quarantined: BTreeMap<ObjectId, Bytes>,
    bytes: usize,
}

impl Canvas {
    /// A canvas without objects.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an object in place of the one of this id, or removes it; the only way by which a canvas changes.
    pub fn set(&mut self, id: ObjectId, object: Option<Object>) {
        let size = object.as_ref().map_or(0, |o| o.props.size());
        let old = match object {
            Some(object) => self.objects.insert(id, object),
            None => self.objects.remove(&id),
        };
        self.bytes = self.bytes + size - old.map_or(0, |o| o.props.size());
    }

    /// Sets a stored object aside that could not be read.
    pub fn quarantine(&mut self, id: ObjectId, raw: Bytes) {
        self.quarantined.insert(id, raw);
    }

    /// What has been set aside, by id.
    pub fn quarantined(&self) -> impl ExactSizeIterator<Item = (&ObjectId, &Bytes)> {
        self.quarantined.iter()
    }

    /// Applies the changes of the commit at `seq`, as every reader of the log does.
    pub fn absorb(&mut self, changes: Vec<Change>, seq: Seq) {
        for change in changes {
            match change {
                Change::Put { id, props } => self.set(id, Some(Object { rev: seq, props })),
                Change::Delete { id } => self.set(id, None),
                Change::Set { id, set, unset } => {
                    // A set of an object that is not there never leaves a server; `put` makes objects.
                    if let Some(object) = self.objects.get(&id) {
                        let props = object.props.merged(&set, &unset);
                        self.set(id, Some(Object { rev: seq, props }));
                    }
                }
            }
        }
    }

    /// The objects, in no order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ObjectId, &Object)> {
        self.objects.iter()
    }
}

impl View for Canvas {
    fn object(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id)
    }

    fn is_quarantined(&self, id: &ObjectId) -> bool {
        self.quarantined.contains_key(id)
    }

    fn len(&self) -> usize {
        self.objects.len()
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A canvas with changes on top that are not accepted yet: what the second batch of a call sees of the first.
pub struct Draft<'a> {
    base: &'a dyn View,
    changed: HashMap<ObjectId, Option<Object>>,
    len: usize,
    bytes: usize,
}

impl<'a> Draft<'a> {
    /// A draft that still equals its base.
    #[must_use]
    pub fn new(base: &'a dyn View) -> Self {
        Self { base, changed: HashMap::new(), len: base.len(), bytes: base.bytes() }
    }

    /// Puts or removes an object in the draft only.
    pub fn set(&mut self, id: ObjectId, object: Option<Object>) {
        if let Some(old) = self.object(&id) {
            self.bytes -= old.props.size();
            self.len -= 1;
        }
        if let Some(new) = &object {
            self.bytes += new.props.size();
            self.len += 1;
        }
        self.changed.insert(id, object);
    }

    /// What differs from the base.
    pub fn into_changed(self) -> impl Iterator<Item = (ObjectId, Option<Object>)> {
        self.changed.into_iter()
    }
}

impl View for Draft<'_> {
    fn object(&self, id: &ObjectId) -> Option<&Object> {
        match self.changed.get(id) {
            Some(changed) => changed.as_ref(),
            None => self.base.object(id),
        }
    }

    fn is_quarantined(&self, id: &ObjectId) -> bool {
        self.base.is_quarantined(id)
    }

    fn len(&self) -> usize {
        self.len
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::from_json;

    fn props(json: &str) -> Props {
        Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
    }

    fn id(text: &str) -> ObjectId {
        ObjectId::parse(text).expect("id")
    }

    #[test]
    fn bytes_and_count_follow_every_change() {
        let mut canvas = Canvas::new();
        let a = props(r#"{"x":1}"#);
        canvas.absorb(vec![Change::Put { id: id("a"), props: a.clone() }], 1);
        assert_eq!((canvas.len(), canvas.bytes()), (1, a.size()));
        let set = props(r#"{"text":"longer"}"#);
        canvas.absorb(vec![Change::Set { id: id("a"), set, unset: vec!["x".into()] }], 2);
        assert_eq!(canvas.bytes(), props(r#"{"text":"longer"}"#).size());
        assert_eq!(canvas.object(&id("a")).map(|o| o.rev), Some(2));
        canvas.absorb(vec![Change::Delete { id: id("a") }, Change::Delete { id: id("b") }], 3);
        assert_eq!((canvas.len(), canvas.bytes()), (0, 0));
    }

    #[test]
    fn a_draft_leaves_its_base_alone() {
        let mut canvas = Canvas::new();
        canvas.set(id("a"), Some(Object { rev: 1, props: props(r#"{"x":1}"#) }));
        let mut draft = Draft::new(&canvas);
        draft.set(id("a"), None);
        draft.set(id("b"), Some(Object { rev: 2, props: Props::empty() }));
        assert!(draft.object(&id("a")).is_none() && draft.object(&id("b")).is_some());
        assert_eq!((draft.len(), draft.bytes()), (1, Props::empty().size()));
        assert!(canvas.object(&id("a")).is_some());
    }
}
