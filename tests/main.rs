//! Tests that run the real `host`, and tests of the documents and the structure of the project. Tests that need
//! browsers or root are in `system`.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]
#![expect(unreachable_pub, reason = "a test binary exports nothing")]

mod support;

mod authorization;
mod call;
mod call_errors;
mod callback;
mod case_authorize;
mod case_errors;
mod case_files;
mod case_format;
mod case_reports;
mod case_snapshots;
mod cases;
mod cli;
mod crowds;
mod errors;
mod events;
mod fairness;
mod faults;
mod files;
mod floods;
mod guest_errors;
mod hostile_clients;
mod hostile_guests;
mod hostile_memory;
mod inspect;
mod last_page;
mod layout;
mod lengths;
mod library;
mod listener;
mod outcome;
mod page_cage;
#[cfg(unix)]
mod paste;
#[cfg(unix)]
mod paste_signals;
mod peers;
mod preset_documents;
mod preset_files;
mod presets;
mod pretend_provider;
mod provider_answers;
mod provider_attacks;
mod provider_echo;
mod provider_grants;
mod provider_handles;
mod provider_imports;
mod provider_network;
mod provider_origins;
mod provider_proxy;
mod provider_timeouts;
mod provider_tls;
mod readme;
mod redirect_uri;
mod refusals;
mod sandbox;
mod secrets;
mod security;
mod shutdown;
mod sign_in_link;
mod surroundings;
#[cfg(unix)]
mod terminal;
mod testing;
mod testing_pasted;
mod tls_clients;
mod tls_delivery;
mod tls_files;
mod warnings;
mod wit;
