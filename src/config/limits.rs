//! The limits that an operator may set: what clients may send and a project may hold, how many may connect, and how fast they may be.

use super::check::Errors;
use crate::protocol::limits::Limits;
use clap::Args;
use std::collections::BTreeSet;

/// Largest batch, and object, in bytes: one that the durable store takes as an item.
const ITEM_BYTES: u32 = 350_000;
/// More than any of the numbers of connections or of things in a second needs to be.
const MANY: u32 = 1_000_000;

/// The limits as text.
#[derive(Debug, Args)]
pub struct LimitsArgs {
    /// Limits by name
    #[arg(
        long,
        env = "COLLAB_LIMITS",
        default_value = "",
        value_name = "LIMITS",
        help = "Limits other than their defaults, by name: a comma-separated list such as connections_per_ip=200,batch_ops=100; the names are below"
    )]
    limits: String,
}

/// How many may connect to a node, and how fast they may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLimits {
    /// Connections of clients at the same time; further ones wait.
    pub connections: u32,
    /// Connections from one address, or one /64 of IPv6; further ones are turned away.
    pub connections_per_ip: u32,
    /// Connections of one user; further ones are turned away.
    pub connections_per_user: u32,
    /// New connections in a second, as many of them at once; further ones wait.
    pub accepts_per_second: u32,
    /// Ops of one session in a second.
    pub session_ops_per_second: u32,
    /// Ops of one user in a second.
    pub user_ops_per_second: u32,
    /// Ops of one project in a second.
    pub project_ops_per_second: u32,
    /// Presence updates of one session in a second.
    pub presence_per_second: u32,
    /// Broadcasts of one session in a second.
    pub broadcasts_per_second: u32,
}

impl Default for NodeLimits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            connections_per_ip: 1_000,
            connections_per_user: 1_000,
            accepts_per_second: 2_000,
            session_ops_per_second: 2_000,
            user_ops_per_second: 5_000,
            project_ops_per_second: 20_000,
            presence_per_second: 120,
            broadcasts_per_second: 100,
        }
    }
}

/// All limits.
#[derive(Default)]
struct All {
    limits: Limits,
    node: NodeLimits,
}

/// A limit that can be set.
struct Setting {
    name: &'static str,
    /// What it counts.
    unit: &'static str,
    least: u32,
    most: u32,
    /// Where it is.
    place: fn(&mut All) -> &mut u32,
}

macro_rules! settings {
    ($($part:ident { $($name:ident $least:literal..$most:tt $unit:literal,)* })*) => {
        &[$($(Setting {
            name: stringify!($name),
            unit: $unit,
            least: $least,
            most: $most,
            place: |all| &mut all.$part.$name,
        },)*)*]
    };
}

/// Each, in the order of the README.
const SETTINGS: &[Setting] = settings! {
    limits {
        frame_bytes 4_096..16_777_216 "bytes of a message from a client",
        batch_ops 1..5_000 "ops of a batch",
        batch_bytes 1_024..ITEM_BYTES "bytes of a batch's ops as MessagePack, less than frame_bytes",
        object_bytes 1_024..ITEM_BYTES "bytes of one object's properties",
        objects 1..500_000 "objects of a project",
        project_bytes 65_536..268_435_456 "bytes of all objects' properties",
        value_depth 1..32 "containers within each other in a value",
        presence_bytes 128..16_384 "bytes of a session's presence",
        broadcast_bytes 128..65_536 "bytes of a broadcast's data",
        unacked_batches 1..1_024 "batches of a session that are not answered",
        lease_ms 10_000..3_600_000 "ms that a lease lasts unless it is renewed",
    }
    node {
        connections 1..MANY "connections of a node; further ones wait",
        connections_per_ip 1..MANY "connections from one address, or one /64 of IPv6; further ones are turned away",
        connections_per_user 1..MANY "connections of one user to a node; further ones are turned away",
        accepts_per_second 1..MANY "new connections of a node in a second; further ones wait",
        session_ops_per_second 1..MANY "ops of one session in a second",
        user_ops_per_second 1..MANY "ops of one user in a second",
        project_ops_per_second 1..MANY "ops of one project in a second",
        presence_per_second 1..MANY "presence updates of one session, or of all bots of one user, in a second",
        broadcasts_per_second 1..MANY "broadcasts of one session in a second",
    }
};

impl Setting {
    /// Reads and sets it.
    fn set(&self, text: &str, all: &mut All) -> Result<(), String> {
        let Self { name, unit, least, most, place } = self;
        let number = text.parse::<u32>().ok().filter(|number| (*least..=*most).contains(number));
        *place(all) = number
            .ok_or_else(|| format!("{name}={text}: it must be a whole number from {least} to {most} ({unit})"))?;
        Ok(())
    }
}

impl LimitsArgs {
    /// Checks all of them.
    pub(super) fn read(&self, errors: &mut Errors) -> (Limits, NodeLimits) {
        let mut all = All::default();
        let mut given = BTreeSet::new();
        for part in self.limits.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if let Err(why) = one(part, &mut given, &mut all) {
                errors.add(format_args!("COLLAB_LIMITS: {why}"));
            }
        }
        if all.limits.batch_bytes >= all.limits.frame_bytes {
            errors.add("COLLAB_LIMITS: batch_bytes must be less than frame_bytes: a batch comes in one message");
        }
        (all.limits, all.node)
    }
}

/// Sets one limit.
fn one<'a>(part: &'a str, given: &mut BTreeSet<&'a str>, all: &mut All) -> Result<(), String> {
    let (name, text) = part.split_once('=').ok_or_else(|| format!("{part:?} must be name=number"))?;
    let (name, text) = (name.trim(), text.trim());
    let setting = SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| {
        let names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        format!("there is no limit {name:?}; there are {}", names.join(", "))
    })?;
    if !given.insert(name) {
        return Err(format!("{name} is given twice"));
    }
    setting.set(text, all)
}

/// The table of all limits, as it stands in the README.
#[must_use]
pub fn table() -> String {
    let mut all = All::default();
    let mut rows = String::from("| limit | default | from … to | unit |\n|---|---|---|---|\n");
    for Setting { name, unit, least, most, place } in SETTINGS {
        let default = *place(&mut all);
        rows += &format!("| `{name}` | {default} | {least} … {most} | {unit} |\n");
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(limits: &str) -> Result<(Limits, NodeLimits), Vec<String>> {
        let mut errors = Errors::default();
        let read = LimitsArgs { limits: limits.to_owned() }.read(&mut errors);
        if errors.0.is_empty() { Ok(read) } else { Err(errors.0) }
    }

    #[test]
    fn nothing_given_is_the_defaults() {
        let defaults = (Limits::default(), NodeLimits::default());
        assert_eq!(read(""), Ok(defaults.clone()));
        assert_eq!(read(" , "), Ok(defaults));
    }

    #[test]
    fn those_that_are_given_are_set() {
        let (limits, node) = read("batch_ops=7, connections_per_ip = 3,lease_ms=10000").expect("valid");
        assert_eq!(limits, Limits { batch_ops: 7, lease_ms: 10_000, ..Limits::default() });
        assert_eq!(node, NodeLimits { connections_per_ip: 3, ..NodeLimits::default() });
    }

    #[test]
    fn each_can_be_set_to_its_ends_and_not_beyond() {
        for setting in SETTINGS {
            let mut all = All::default();
            let default = *(setting.place)(&mut all);
            assert!((setting.least..=setting.most).contains(&default), "{}", setting.name);
            for end in [setting.least, setting.most] {
                assert_eq!(setting.set(&end.to_string(), &mut all), Ok(()));
                assert_eq!(*(setting.place)(&mut all), end, "{}", setting.name);
            }
            for beyond in [setting.least - 1, setting.most + 1] {
                let why = setting.set(&beyond.to_string(), &mut all).expect_err("out of range");
                assert!(why.contains(&format!("from {} to {}", setting.least, setting.most)), "{why}");
            }
        }
    }

    #[test]
    fn every_limit_that_is_announced_can_be_set() {
        let announced = serde_json::to_value(Limits::default()).expect("it can be written");
        for name in announced.as_object().expect("a map").keys() {
            assert!(SETTINGS.iter().any(|setting| setting.name == name), "{name}");
        }
    }

    #[test]
    fn all_errors_are_found_and_say_what_may_be() {
        let errors = read("batch_ops=0,speed=1,objects,objects=x,objects=1,connections=-1").expect_err("all wrong");
        let words = ["from 1 to 5000", "there is no limit \"speed\"", "name=number", "objects=x", "twice", "from 1 to"];
        assert_eq!(errors.len(), words.len(), "{errors:?}");
        for (error, word) in errors.iter().zip(words) {
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_batch_must_fit_a_message() {
        assert_eq!(read("frame_bytes=4096").expect_err("refused").len(), 1);
        assert!(read("frame_bytes=4096,batch_bytes=4095").is_ok());
        assert!(read("batch_bytes=350001").is_err());
    }
}
