//! A flat map of properties, kept as one run of MessagePack bytes.
//!
//! An object's props are stored, sent and snapshotted exactly as they stand here, so that a value is copied and never
//! translated. Changing one property of an object of ten costs about a hundred nanoseconds.

use super::limits::{PROPERTIES, PROPERTY_NAME_BYTES};
use super::scan::{self, Malformed};
use super::unpack::Reader;
use super::value::Value;
use super::{pack, value};
use bytes::Bytes;
use smol_str::SmolStr;
use std::collections::HashSet;
use std::fmt;

/// So many names are looked for one after the other, which is faster; more are hashed, else a batch of some kilobytes could keep a room for seconds.
const WALKED: usize = 16;

/// Property names and their values: a MessagePack map with distinct text keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Props(Bytes);

/// Why bytes are not a map of properties.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProps {
    /// The bytes are not sound MessagePack, or not a map, or a value nests too deep.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A name is empty or too long, or the one that JSON's escape uses.
    #[error("a property name must have 1 to {PROPERTY_NAME_BYTES} bytes and not be $mp")]
    Name,
    /// More properties than an object may have.
    #[error("there are more than {PROPERTIES} properties")]
    TooMany,
    /// A name comes twice.
    #[error("the property {0:?} is there twice")]
    Duplicate(SmolStr),
}

/// Checks a property name's length.
///
/// # Errors
/// [`InvalidProps::Name`].
pub fn check_name(name: &str) -> Result<(), InvalidProps> {
    if name.is_empty() || name.len() > PROPERTY_NAME_BYTES || name == super::json::ESCAPE {
        Err(InvalidProps::Name)
    } else {
        Ok(())
    }
}

impl Props {
    /// No properties.
    #[must_use]
    pub fn empty() -> Self {
        Self(Bytes::from_static(&[0x80]))
    }

    /// Checks one whole MessagePack value and copies it, so that a small map never keeps a large frame alive. The number of its parts is not
    /// limited here: an object that grew by many batches may have more than one frame may.
    ///
    /// # Errors
    /// [`InvalidProps`] when it is not a map of properties whose values nest at most `value_depth` containers.
    pub fn parse(raw: &[u8], value_depth: usize) -> Result<Self, InvalidProps> {
        scan::check(raw, value_depth + 1, raw.len())?;
        let mut reader = Reader::new(raw);
        let pairs = reader.map()?;
        if pairs > PROPERTIES {
            return Err(InvalidProps::TooMany);
        }
        let mut seen = HashSet::with_capacity(pairs);
        let mut list = Vec::with_capacity(pairs);
        for _ in 0..pairs {
            let name = reader.str()?;
            check_name(name)?;
            if !seen.insert(name) {
                return Err(InvalidProps::Duplicate(name.into()));
            }
            list.push((name, reader.raw()?));
        }
        // The map's own head and the names are put into their shortest form; the values stay as they are.
        Ok(Self::from_pairs(&list))
    }

    /// Makes a map of pairs with distinct names.
    #[must_use]
    pub fn from_pairs<'a>(pairs: &[(&'a str, &'a [u8])]) -> Self {
        let size = pairs.iter().map(|(name, raw)| name.len() + raw.len() + 2).sum::<usize>();
        let mut out = Vec::with_capacity(size + 5);
        pack::map(&mut out, pairs.len());
        for (name, raw) in pairs {
            pack::str(&mut out, name);
            out.extend_from_slice(raw);
        }
        Self(out.into())
    }

    /// The MessagePack bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The size in bytes that limits count.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Names and raw values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut reader = Reader::new(&self.0);
        let pairs = reader.map().unwrap_or(0);
        (0..pairs).map_while(move |_| Some((reader.str().ok()?, reader.raw().ok()?)))
    }

    /// Number of properties.
    #[must_use]
    pub fn count(&self) -> usize {
        Reader::new(&self.0).map().unwrap_or(0)
    }

    /// Whether there are no properties.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The raw value of a property.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, raw)| raw)
    }

    /// The value of a property.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Value> {
        self.get(name).map(|raw| Value::trusted(Bytes::copy_from_slice(raw)))
    }

    /// The text of a property, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        value::text(self.get(name)?)
    }

    /// Those of the names that these props have, in their order. The props are walked once, however many names there are.
    #[must_use]
    pub fn having<'a>(&self, names: &'a [SmolStr]) -> Vec<&'a SmolStr> {
        if names.is_empty() {
            return Vec::new();
        }
        let is_walked = names.len() <= WALKED;
        let hashed: HashSet<&str> =
            if is_walked { HashSet::new() } else { names.iter().map(SmolStr::as_str).collect() };
        let is_asked =
            |name: &str| if is_walked { names.iter().any(|asked| asked == name) } else { hashed.contains(name) };
        let here: HashSet<&str> = self.iter().map(|(name, _)| name).filter(|name| is_asked(name)).collect();
        names.iter().filter(|name| here.contains(name.as_str())).collect()
    }

    /// These props without the names in `unset`, then those of `set`: the order is that in which properties were last set, so that it does not
    /// depend on values that were set in between and are superseded.
    #[must_use]
    pub fn merged(&self, set: &Self, unset: &[SmolStr]) -> Self {
        let new: Vec<(&str, &[u8])> = set.iter().collect();
        let is_walked = new.len() + unset.len() <= WALKED;
        let names = new.iter().map(|(name, _)| *name).chain(unset.iter().map(SmolStr::as_str));
        let hashed: HashSet<&str> = if is_walked { HashSet::new() } else { names.clone().collect() };
        let stays = |name: &str| {
            if is_walked { names.clone().all(|other| other != name) } else { !hashed.contains(name) }
        };
        let mut pairs: Vec<_> = self.iter().filter(|(name, _)| stays(name)).collect();
        pairs.extend(&new);
        Self::from_pairs(&pairs)
    }

    /// These props with nil in `patch` meaning removal: how presence fields are set.
    #[must_use]
    pub fn patched(&self, patch: &Self) -> Self {
        let gone: Vec<SmolStr> = patch.iter().filter(|(_, raw)| value::is_nil(raw)).map(|(n, _)| n.into()).collect();
        let kept: Vec<_> = patch.iter().filter(|(_, raw)| !value::is_nil(raw)).collect();
        self.merged(&Self::from_pairs(&kept), &gone)
    }
}

impl fmt::Debug for Props {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::json::to_json(&self.0).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(json: &str) -> Props {
        Props::parse(&super::super::json::from_json(json).expect("json"), 32).expect("props")
    }

    #[test]
    fn merging_keeps_the_order_of_the_last_setting() {
        let merged = props(r#"{"a":1,"b":2,"c":3}"#).merged(&props(r#"{"b":{},"d":[]}"#), &["a".into(), "x".into()]);
        assert_eq!(format!("{merged:?}"), r#"{"c":3,"b":{},"d":[]}"#);
        assert_eq!(merged.get("b"), Some(&[0x80][..]));
    }

    #[test]
    fn many_names_are_found_as_few_are() {
        let numbers = |range: std::ops::Range<usize>| range.map(|n| format!("p{n}")).collect::<Vec<_>>();
        let of = |names: &[String]| {
            props(&format!("{{{}}}", names.iter().map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",")))
        };
        for many in [WALKED / 4, WALKED, 4 * WALKED] {
            let old = of(&numbers(0..4 * many));
            let (set, unset) =
                (of(&numbers(many..2 * many)), numbers(0..many).iter().map(SmolStr::new).collect::<Vec<_>>());
            let wanted = [numbers(2 * many..4 * many), numbers(many..2 * many)].concat();
            assert_eq!(old.merged(&set, &unset), of(&wanted), "{many}");
            let asked: Vec<SmolStr> = numbers(3 * many..5 * many).iter().map(SmolStr::new).collect();
            assert_eq!(old.having(&asked), asked[..many].iter().collect::<Vec<_>>(), "{many}");
        }
    }

    #[test]
    fn nil_in_a_patch_removes() {
        let patched = props(r#"{"a":1,"b":2}"#).patched(&props(r#"{"a":null,"c":3,"d":null}"#));
        assert_eq!(format!("{patched:?}"), r#"{"b":2,"c":3}"#);
    }

    #[test]
    fn an_object_may_have_more_parts_than_a_frame() {
        let list = [&[0xdd, 0, 1, 0xff, 0xff][..], &[1; 0x1_ffff]].concat();
        let raw = [&[0x82, 0xa1, b'a'][..], &list, &[0xa1, b'b'], &list].concat();
        let props = Props::parse(&raw, 32).expect("it could be made by two batches");
        assert_eq!(props.iter().count(), 2);
        assert!(!format!("{props:?}").is_empty());
    }

    #[test]
    fn bad_props_are_named() {
        let parse = |json: &str| Props::parse(&super::super::json::from_json(json).expect("json"), 2);
        assert_eq!(parse("[]"), Err(InvalidProps::Malformed(Malformed::Expected("a map"))));
        assert_eq!(parse(r#"{"a":1,"a":2}"#), Err(InvalidProps::Duplicate("a".into())));
        assert_eq!(parse(r#"{"":1}"#), Err(InvalidProps::Name));
        assert_eq!(parse(r#"{"a":[[[1]]]}"#), Err(InvalidProps::Malformed(Malformed::TooDeep)));
        assert!(parse(r#"{"a":[[1]]}"#).is_ok());
        let many: Vec<String> = (0..=PROPERTIES).map(|n| format!("\"p{n}\":0")).collect();
        assert_eq!(parse(&format!("{{{}}}", many.join(","))), Err(InvalidProps::TooMany));
        assert_eq!(parse(r#"{"$mp":1,"a":2}"#), Err(InvalidProps::Name));
    }
}
