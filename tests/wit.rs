//! The WIT package parses, and every item has documentation and a `@since` gate.

use std::fs;
use std::path::{Path, PathBuf};

use wit_parser::{Docs, Resolve, Stability, TypeDefKind, TypeOwner};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")
}

/// The items without documentation or without a gate.
fn lacking(folder: &Path) -> Vec<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let mut lacking = Vec::new();
    let mut check = |name: &str, docs: &Docs, stability: Option<&Stability>| {
        if docs.contents.as_deref().is_none_or(|text| text.trim().is_empty()) {
            lacking.push(format!("{name}: no documentation"));
        }
        if stability.is_some_and(|stability| !matches!(stability, Stability::Stable { .. })) {
            lacking.push(format!("{name}: no @since"));
        }
    };
    for (_, interface) in resolve.interfaces.iter().filter(|(_, i)| i.package == Some(package)) {
        let name = interface.name.clone().unwrap();
        check(&name, &interface.docs, Some(&interface.stability));
        for (function, item) in &interface.functions {
            check(&format!("{name}.{function}"), &item.docs, Some(&item.stability));
        }
    }
    for (_, world) in resolve.worlds.iter().filter(|(_, w)| w.package == Some(package)) {
        check(&world.name, &world.docs, Some(&world.stability));
    }
    for (_, item) in &resolve.types {
        let (Some(name), TypeOwner::Interface(owner)) = (&item.name, item.owner) else { continue };
        // A `use` needs a gate, but its documentation is at the original item.
        if resolve.interfaces[owner].package != Some(package)
            || matches!(item.kind, TypeDefKind::Type(wit_parser::Type::Id(_)) if item.docs.contents.is_none())
        {
            continue;
        }
        check(name, &item.docs, Some(&item.stability));
        let mut part = |part: &str, docs: &Docs| check(&format!("{name}.{part}"), docs, None);
        match &item.kind {
            TypeDefKind::Record(record) => {
                record.fields.iter().for_each(|f| part(&f.name, &f.docs))
            }
            TypeDefKind::Variant(variant) => {
                variant.cases.iter().for_each(|c| part(&c.name, &c.docs))
            }
            TypeDefKind::Enum(cases) => cases.cases.iter().for_each(|c| part(&c.name, &c.docs)),
            TypeDefKind::Flags(flags) => flags.flags.iter().for_each(|f| part(&f.name, &f.docs)),
            _ => {}
        }
    }
    lacking
}

#[test]
fn every_item_has_documentation_and_a_gate() {
    assert_eq!(lacking(&folder()), Vec::<String>::new());
}

/// Counter-check: the search detects the removal of any line of documentation and of any gate.
#[test]
fn a_removed_line_is_detected() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wit-lacking");
    let mut taken = 0;
    for entry in fs::read_dir(folder()).unwrap().map(Result::unwrap).filter(|e| e.path().is_file())
    {
        let text = fs::read_to_string(entry.path()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let around =
                |offset: usize| lines.get(number.wrapping_add(offset)).map_or("", |l| l.trim());
            let lone_doc = line.trim().starts_with("///")
                && !around(1).starts_with("///")
                && !around(usize::MAX).starts_with("///");
            let gate = line.trim().starts_with("@since")
                && !around(1).starts_with("use ")
                && !around(1).starts_with("import ")
                && !around(1).starts_with("export ");
            if !lone_doc && !gate {
                continue;
            }
            let _ = fs::remove_dir_all(&copy);
            fs::create_dir_all(&copy).unwrap();
            for other in
                fs::read_dir(folder()).unwrap().map(Result::unwrap).filter(|e| e.path().is_file())
            {
                fs::copy(other.path(), copy.join(other.file_name())).unwrap();
            }
            let without: Vec<_> =
                lines.iter().enumerate().filter(|(n, _)| *n != number).map(|(_, l)| *l).collect();
            fs::write(copy.join(entry.file_name()), without.join("\n")).unwrap();
            assert!(!lacking(&copy).is_empty(), "{}:{}", entry.path().display(), number + 1);
            taken += 1;
        }
    }
    assert!(taken > 20, "only {taken} lines were removed");
}

#[test]
fn the_package_has_the_version_of_the_host() {
    let world = fs::read_to_string(folder().join("world.wit")).unwrap();
    assert!(
        world.contains(&format!("package curtaincall:callback@{};", env!("CARGO_PKG_VERSION")))
    );
}
