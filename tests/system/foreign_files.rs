//! Files and folders of another user. Only root can give them away.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::Command;

use curtaincall::internals::files::Folder;

use crate::support::guest;
use crate::support::host::Host;

tests! {
    Root:
        an_events_file_of_another_user_is_an_error,
        a_folder_of_another_user_is_refused_anywhere_on_the_path,
        a_cache_of_another_user_is_not_used_and_causes_a_warning;
}

const ROOT: u32 = 0;
const NOBODY: u32 = 65534;

/// Create an empty folder for this test run. Returns its path without links.
fn folder(name: &str) -> PathBuf {
    let folder = guest::write(name, b"").with_extension("folder");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::canonicalize(folder).unwrap()
}

fn an_events_file_of_another_user_is_an_error() {
    let file = guest::private("foreign-events", b"");
    let pipe = folder("foreign-pipe").join("events");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // The pipe has a reader.
    let _reader = File::options().read(true).write(true).open(&pipe).unwrap();
    for path in [&file, &pipe] {
        let finish = || Host::run().args(["--timeout", "1s", "--events"]).arg(path).finish();
        chown(path, Some(NOBODY), None).unwrap();
        finish().code(2).stdout("").stderr(&format!(
            "error: cannot write the events to `{}`: it belongs to another user: \
             expected a file of this user\n",
            path.display()
        ));
        chown(path, Some(ROOT), None).unwrap();
        finish().code(124);
    }
}

fn a_folder_of_another_user_is_refused_anywhere_on_the_path() {
    let parent = folder("foreign-folder");
    let last = parent.join("last");
    fs::create_dir(&last).unwrap();
    fs::set_permissions(&last, Permissions::from_mode(0o700)).unwrap();
    for foreign in [&parent, &last] {
        chown(foreign, Some(NOBODY), None).unwrap();
        let error = Folder::private(&last).unwrap_err();
        assert_eq!(error, format!("`{}` belongs to another user", foreign.display()));
        chown(foreign, Some(ROOT), None).unwrap();
        Folder::private(&last).unwrap();
    }
}

fn a_cache_of_another_user_is_not_used_and_causes_a_warning() {
    let home = folder("foreign-cache");
    let cache = home.join("curtaincall");
    fs::create_dir(&cache).unwrap();
    let stderr = |host: Host| {
        let host = host.env("XDG_CACHE_HOME", &home).start();
        assert_eq!(host.navigate("/callback?code=abc").status(), 200);
        host.finish().code(0).stderr
    };
    let count = || fs::read_dir(&cache).unwrap().count();
    for foreign in [&home, &cache] {
        chown(foreign, Some(NOBODY), None).unwrap();
        let warning = format!("not cached: `{}` belongs to another user\n", foreign.display());
        let told = stderr(Host::run());
        assert!(told.contains(&warning), "{told}");
        assert_eq!(count(), 0);
        chown(foreign, Some(ROOT), None).unwrap();
    }
    // A normal user does not use a cache of root either.
    let warning = format!("not cached: `{}` belongs to another user\n", cache.display());
    let told = stderr(Host::run().user(NOBODY));
    assert!(told.contains(&warning), "{told}");
    assert_eq!(count(), 0);
    // Counter-check: the user's own cache is used.
    let told = stderr(Host::run());
    assert!(!told.contains("not cached"), "{told}");
    assert_eq!(count(), 1);
}
