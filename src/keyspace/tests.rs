use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const LONGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn project(id: &str) -> ProjectId {
    ProjectId::parse(id).expect("valid")
}

fn all_names(keys: &Keyspace, project: &ProjectId, number: u64) -> Vec<String> {
    vec![
        keys.objects(project),
        keys.meta(project),
        keys.log(project),
        keys.clients(project),
        keys.dirty(project),
        keys.users(project),
        keys.claim(project),
        keys.presence(project, number),
        keys.session(project, number),
        keys.beat(project, number),
        keys.new_objects(project, number),
        keys.new_clients(project, number),
        keys.new_log(project, number),
        keys.channel(project),
    ]
}

/// The slot of a key as the Cluster specification has it: CRC16 (XMODEM) of what is between the first braces.
fn slot(key: &str) -> u16 {
    let open = key.find('{').expect("a tag");
    let close = key[open..].find('}').expect("a tag") + open;
    let mut crc = 0_u16;
    for byte in key[open + 1..close].bytes() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    crc % 16_384
}

#[test]
fn the_bucket_of_an_id_never_changes() {
    let golden = [("demo", 48), ("a", 31), ("project-1", 210), ("Z_-9", 53), (LONGEST, 2)];
    assert_eq!(golden.map(|(id, _)| (id, Bucket::of(&project(id)).number())), golden);
}

#[test]
fn names_look_as_documented() {
    let (keys, demo) = (Keyspace::default(), project("demo"));
    let tag = Bucket::of(&demo).to_string();
    assert_eq!(keys.objects(&demo), format!("collab:{tag}:demo:objects"));
    assert_eq!(keys.presence(&demo, 7), format!("collab:{tag}:demo:presence:7"));
    assert_eq!(keys.beat(&demo, 7), format!("collab:{tag}:demo:beat:7"));
    assert_eq!(keys.session(&demo, 7), format!("collab:{tag}:demo:session:7"));
    assert_eq!(keys.new_objects(&demo, 9), format!("collab:{tag}:demo:new:9:objects"));
    assert_eq!(keys.new_clients(&demo, 9), format!("collab:{tag}:demo:new:9:clients"));
    assert_eq!(keys.channel(&demo), format!("collab:{tag}:demo:events"));
    assert_eq!(keys.dirty_index(Bucket(17)), "collab:{b017}:dirty");
    assert_eq!(keys.deployment(), "collab:deployment");
    assert_eq!(slot("123456789{b000}"), slot("{b000}"));
    assert_eq!(slot("{123456789}"), 0x31c3);
}

#[test]
fn a_channel_leads_back_to_its_project_and_a_foreign_one_nowhere() {
    let (keys, demo) = (Keyspace::default(), project("demo"));
    assert_eq!(keys.project_of(keys.channel(&demo).as_bytes()), Some(demo.clone()));
    let other = Keyspace::new("collab2").expect("valid");
    let wrong_tag = if Bucket::of(&demo).number() == 0 { "{b001}" } else { "{b000}" };
    for foreign in [
        other.channel(&demo),
        keys.objects(&demo),
        keys.dirty_index(Bucket(1)),
        format!("collab:{wrong_tag}:demo:events"),
        "collab:events".to_owned(),
        String::new(),
    ] {
        assert_eq!(keys.project_of(foreign.as_bytes()), None, "{foreign}");
    }
    assert_eq!(keys.project_of(b"collab:\xff"), None);
}

#[test]
fn a_prefix_is_short_and_plain() {
    for good in ["a", "collab", "A.b_c-9", &"x".repeat(32)] {
        assert_eq!(Keyspace::new(good).expect("valid").prefix(), good);
    }
    for bad in ["", "a:b", "{a}", "a b", "ä", "*", &"x".repeat(33)] {
        assert_eq!(Keyspace::new(bad), Err(InvalidPrefix), "{bad}");
    }
}

proptest! {
    #[test]
    fn names_never_collide(
        (a, b) in ("[A-Za-z0-9_-]{1,64}", "[A-Za-z0-9_-]{1,64}"),
        (p, q) in ("[A-Za-z0-9_.-]{1,32}", "[A-Za-z0-9_.-]{1,32}"),
        (m, n) in (any::<u64>(), any::<u64>()),
    ) {
        let mut names = BTreeSet::new();
        let mut count = 0;
        for prefix in BTreeSet::from([p, q]) {
            let keys = Keyspace::new(&prefix).expect("valid");
            let mut all: Vec<String> = Bucket::all().map(|bucket| keys.dirty_index(bucket)).collect();
            all.extend(Bucket::all().map(|bucket| keys.probe(bucket, "hash")));
            all.extend([keys.deployment(), keys.ticket(&a), keys.taken(&format!("user:{a}"), m), keys.taken(&format!("project:{a}"), m)]);
            for id in BTreeSet::from([project(&a), project(&b)]) {
                all.extend(all_names(&keys, &id, m));
                if n != m {
                    all.extend([keys.presence(&id, n), keys.session(&id, n), keys.beat(&id, n)]);
                    all.extend([keys.new_objects(&id, n), keys.new_clients(&id, n), keys.new_log(&id, n)]);
                }
            }
            count += all.len();
            names.extend(all);
        }
        prop_assert_eq!(names.len(), count);
    }

    #[test]
    fn a_project_has_one_slot(id in "[A-Za-z0-9_-]{1,64}", number in any::<u64>()) {
        let (keys, id) = (Keyspace::default(), project(&id));
        let index = keys.dirty_index(Bucket::of(&id));
        for name in all_names(&keys, &id, number) {
            prop_assert_eq!(slot(&name), slot(&index), "{}", name);
        }
    }
}
