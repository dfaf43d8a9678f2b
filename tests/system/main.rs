//! Tests that need more than Rust: browsers, Node, their own network, or root.
//!
//! The harness looks for these at run time. If something is missing, it reports the tests that need it as ignored, and
//! prints the reason once.

#![cfg_attr(unix, expect(clippy::print_stderr, reason = "the harness prints why it ignores tests"))]
#![cfg_attr(unix, expect(clippy::unwrap_used, reason = "a panic fails the test"))]
#![cfg_attr(unix, expect(unreachable_pub, reason = "a test binary exports nothing"))]

/// List the tests of a module by what they need.
#[cfg(unix)]
macro_rules! tests {
    ($($need:ident: $($name:ident),+;)+) => {
        pub fn tests() -> Vec<crate::Test> {
            vec![$($(crate::Test {
                path: concat!(module_path!(), "::", stringify!($name)),
                need: crate::need::Need::$need,
                run: $name,
            }),+),+]
        }
    };
}

#[cfg(unix)]
mod bounce;
#[cfg(target_os = "linux")]
mod bounce_engines;
#[cfg(unix)]
mod bounce_oidc;
#[cfg(unix)]
mod browser;
#[cfg(target_os = "linux")]
mod foreign_files;
#[cfg(target_os = "linux")]
mod https;
#[cfg(unix)]
mod need;
#[cfg(unix)]
mod oidc;
#[cfg(target_os = "linux")]
mod other_users;
#[cfg(unix)]
mod page_browser;
#[cfg(target_os = "linux")]
mod page_engines;
#[cfg(target_os = "linux")]
mod page_grants;
#[cfg(target_os = "linux")]
mod signin_engines;
#[cfg(target_os = "linux")]
mod special_names;
#[cfg(unix)]
mod support;

/// One test.
#[cfg(unix)]
pub struct Test {
    /// The path of its function, which starts with the name of this crate.
    path: &'static str,
    need: need::Need,
    run: fn(),
}

#[cfg(unix)]
impl Test {
    fn trial(&self, is_ignored: bool) -> libtest_mimic::Trial {
        let (_, name) = self.path.split_once("::").unwrap();
        let run = self.run;
        let runner = move || {
            run();
            Ok(())
        };
        libtest_mimic::Trial::test(name, runner).with_ignored_flag(is_ignored)
    }
}

#[cfg(unix)]
fn all() -> Vec<Test> {
    let mut all = bounce::tests();
    all.extend(bounce_oidc::tests());
    all.extend(browser::tests());
    all.extend(oidc::tests());
    all.extend(page_browser::tests());
    #[cfg(target_os = "linux")]
    {
        all.extend(bounce_engines::tests());
        all.extend(foreign_files::tests());
        all.extend(https::tests());
        all.extend(other_users::tests());
        all.extend(page_engines::tests());
        all.extend(page_grants::tests());
        all.extend(signin_engines::tests());
        all.extend(special_names::tests());
    }
    all
}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let (all, mut trials) = (all(), Vec::new());
    for need in need::Need::ALL {
        let unmet = need.unmet();
        let of_need = all.iter().filter(|test| test.need == need);
        let of_need: Vec<_> = of_need.map(|test| test.trial(unmet.is_some())).collect();
        let ignored = of_need
            .iter()
            .filter(|trial| arguments.is_ignored(trial) && !arguments.is_filtered_out(trial))
            .count();
        if let (Some(reason), 1.., false) = (unmet, ignored, arguments.list) {
            eprintln!("note: {ignored} ignored: {reason}");
        }
        trials.extend(of_need);
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// These tests need a Unix system.
#[cfg(not(unix))]
fn main() {}
