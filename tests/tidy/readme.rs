//! What the README says of the program is what the program says.

use super::{ROOT, read};
use std::path::Path;

#[test]
fn the_readme_has_the_settings_of_the_program() {
    let table = collabcanvas::config::table();
    let readme = read(&Path::new(ROOT).join("README.md"));
    assert!(readme.contains(&table), "the README's table of settings must be:\n\n{table}");
}

#[test]
fn the_readme_has_the_limits_of_the_program() {
    let table = collabcanvas::config::limits_table();
    let readme = read(&Path::new(ROOT).join("README.md"));
    assert!(readme.contains(&table), "the README's table of limits must be:\n\n{table}");
}

#[test]
fn the_readme_has_the_rights_that_redis_must_give() {
    let target = collabcanvas::link::Target::parse("redis://localhost").expect("valid");
    let keyspace = collabcanvas::keyspace::Keyspace::default();
    let acl = collabcanvas::link::check::acl(&target, &keyspace, collabcanvas::link::check::Role::Data);
    let readme = read(&Path::new(ROOT).join("README.md"));
    assert!(readme.lines().any(|line| line.trim() == acl), "the README must list these rights:\n{acl}");
}

/// A defence whose test was renamed or removed must not stay in the table.
#[test]
fn each_test_that_security_md_names_exists() {
    let page = read(&Path::new(ROOT).join("SECURITY.md"));
    let code: String = super::all_code().iter().map(|path| read(path)).collect();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let mut count = 0;
    for name in rows.flat_map(|row| row.rsplit(" | ").next().unwrap_or_default().split('`').skip(1).step_by(2)) {
        assert!(code.contains(&format!("fn {name}(")), "SECURITY.md names a test that is not there: {name}");
        count += 1;
    }
    assert!(count > 30, "the table is read");
}

#[test]
fn the_readme_leads_with_the_two_commands() {
    let readme = read(&Path::new(ROOT).join("README.md"));
    let head: Vec<&str> = readme.lines().take(25).collect();
    for command in ["make run", "make test"] {
        assert!(head.iter().any(|line| line.contains(command)), "the first lines of the README must show `{command}`");
    }
}
