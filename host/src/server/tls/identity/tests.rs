use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

use super::*;

/// A certificate that is its own authority, and its key, as PEM.
fn own(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn read((certificate, key): &(String, String)) -> Result<TlsIdentity, TlsIdentityError> {
    TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes())
}

#[test]
fn a_certificate_that_is_its_own_authority_is_accepted() {
    let authority = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    read(&own(&["localhost"], authority)).unwrap();
    read(&own(&["localhost"], |_| {})).unwrap();
    // Counter-check: its time is checked anyway.
    let expired = own(&["localhost"], |params| {
        authority(params);
        params.not_after = rcgen::date_time_ymd(2000, 1, 1);
    });
    let not_after = "2000-01-01T00:00:00Z".to_owned();
    let problem = CertificateProblem::Expired { number: 1, not_after };
    assert_eq!(read(&expired).unwrap_err(), TlsIdentityError::Certificate(problem));
}

#[test]
fn a_host_is_compared_as_browsers_do() {
    let identity = read(&own(&["localhost", "*.dev.example", "127.0.0.1", "::1"], |_| {})).unwrap();
    for host in ["localhost", "LOCALHOST", "a.dev.example", "127.0.0.1", "::1"] {
        assert_eq!(identity.check_host(host), Ok(()), "{host}");
    }
    for host in ["dev.example", "a.b.dev.example", "127.0.0.2", "::2", "", "a b"] {
        assert!(identity.check_host(host).is_err(), "{host}");
    }
    let error = identity.check_host("127.0.0.2").unwrap_err();
    let covered = ["localhost", "*.dev.example", "127.0.0.1", "::1"].map(str::to_owned).into();
    assert_eq!(error, TlsIdentityError::Host { host: "127.0.0.2".to_owned(), covered });
}

#[test]
fn the_common_name_of_a_certificate_is_no_host() {
    let named = own(&[], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
    });
    let error = read(&named).unwrap().check_host("localhost").unwrap_err();
    assert!(error.to_string().ends_with("it names no host"), "{error}");
}

#[test]
fn neither_the_key_nor_the_certificate_is_in_debug_output() {
    let identity = read(&own(&["localhost"], |_| {})).unwrap();
    assert_eq!(format!("{identity:?}"), "TlsIdentity { .. }");
}

#[test]
fn a_server_resumes_no_session_and_offers_one_protocol() {
    let config = read(&own(&["localhost"], |_| {})).unwrap().config();
    assert_eq!(config.send_tls13_tickets, 0);
    assert!(!config.session_storage.can_cache() && !config.ticketer.enabled());
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
}
