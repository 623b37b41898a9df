use super::*;

#[test]
fn a_scheme_in_any_case_is_cut_off_and_a_bare_key_is_taken_whole() {
    for (value, key) in [
        ("Bearer k", "k"),
        ("bearer  k ", "k"),
        ("k", "k"),
        ("Bearer", ""),
        ("Basic k", "Basic k"),
        ("Bearerk", "Bearerk"),
    ] {
        assert_eq!(bare(value), key, "{value}");
    }
}

#[test]
fn loopback_is_told_by_address_not_by_how_it_looks() {
    for host in ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "::1", "app.localhost"] {
        assert!(is_loopback(host), "{host}");
    }
    for host in ["localhost.evil.com", "127.0.0.1.evil.com", "10.0.0.1", "", "0.0.0.0", "::", "evil"] {
        assert!(!is_loopback(host), "{host}");
    }
    assert_eq!(host_of("[::1]:8787"), "::1");
    assert_eq!(host_of("localhost:80"), "localhost");
}
