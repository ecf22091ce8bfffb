//! Which addresses ask for TLS, which for none, and which are refused.

use std::path::Path;

use tokio_postgres::config::SslMode;

use super::*;

fn parse(url: &str) -> PostgresAddress {
    PostgresAddress::parse(url).unwrap_or_else(|wrong| panic!("{url}: {wrong}"))
}

/// A database on another machine is spoken to in TLS unless somebody wrote that it is not.
#[test]
fn another_machine_means_tls_and_this_one_does_not() {
    for url in [
        "postgres://u:p@db.example/bank",
        "postgresql://u:p@db.example:5433/bank?connect_timeout=3",
        "postgres://u:p@192.0.2.1/bank",
        "postgres://u:p@[2001:db8::1]:5433/bank",
        "postgres://u:p@localhost,db.example/bank",
        "postgres://u:p@LOCALHOST/bank",
        "postgres://localhost/bank?hostaddr=192.0.2.1",
        "postgres://db.example/bank?hostaddr=127.0.0.1",
        "postgres:///bank?host=db.example",
        "postgres://localhost/bank?sslmode=verify-full",
        "postgres://127.0.0.1/bank?sslrootcert=/etc/ca.pem",
        "postgres://u:p@db.example/bank?sslmode=disable&sslmode=verify-full",
    ] {
        let address = parse(url);
        assert!(address.tls.is_some(), "{url}");
        assert_eq!(address.config().unwrap().get_ssl_mode(), SslMode::Require, "{url}");
    }
    for url in [
        "postgres://u:p@localhost/bank",
        "postgres://u:p@127.0.0.1:5433/bank",
        "postgres://u:p@[::1]:5433/bank",
        "postgres://u@%2Frun%2Fpostgresql/bank",
        "postgresql:///bank?host=/run/postgresql&port=5433",
        "postgres://u:p@db.example/bank?sslmode=disable",
    ] {
        let address = parse(url);
        assert!(address.tls.is_none(), "{url}");
        assert_eq!(address.config().unwrap().get_ssl_mode(), SslMode::Disable, "{url}");
    }
}

#[test]
fn what_is_named_is_taken_and_the_driver_gets_the_rest() {
    let url = "postgres://u:p%40ss@db.example:5433/bank?sslrootcert=/etc/a%20b.pem\
               &sslcert=/etc/own.pem&sslkey=/etc/own.key&application_name=bank&channel_binding=require";
    let address = parse(url);
    assert_eq!((&*address.user, address.password.expose()), ("u", "p@ss"));
    assert!(!address.is_near);
    let tls = address.tls.as_ref().unwrap();
    assert_eq!(tls.authority_file.as_deref(), Some(Path::new("/etc/a b.pem")));
    assert_eq!(tls.own, Some(("/etc/own.pem".into(), "/etc/own.key".into())));
    let config = address.config().unwrap();
    assert_eq!((config.get_dbname(), config.get_ports()), (Some("bank"), &[5433][..]));
    assert_eq!(config.get_application_name(), Some("bank"));
    assert_eq!(config.get_password(), Some(&b"p@ss"[..]));
    let system = parse("postgres://u:p@db.example/bank?sslrootcert=system");
    assert_eq!(system.tls.unwrap().authority_file, None);
}

#[test]
fn what_is_not_safe_or_not_clear_is_refused() {
    for (url, says) in [
        ("mysql://h/d", "no address of PostgreSQL"),
        ("postgres:///bank", "no host"),
        ("postgres://localhost:x/bank", "no port"),
        ("postgres://localhost:0/bank", "no port"),
        ("postgres://localhost:+5/bank", "no port"),
        ("postgres://[::1/bank", "not closed"),
        ("postgres://u:%zz@localhost/bank", "hexadecimal"),
        ("postgres://localhost/bank?sslmode", "name=value"),
        ("postgres://localhost/bank?sslmode=require", "any certificate"),
        ("postgres://db.example/bank?sslmode=verify-ca", "any host"),
        ("postgres://localhost/bank?sslmode=prefer", "plain text"),
        ("postgres://localhost/bank?sslmode=allow", "plain text"),
        ("postgres://localhost/bank?sslmode=VERIFY-FULL", "neither"),
        ("postgres://db.example/bank?sslcert=/etc/own.pem", "belong together"),
        ("postgres://db.example/bank?sslkey=/etc/own.key", "belong together"),
        ("postgres://db.example/bank?sslrootcert=ca.pem", "whole path"),
        ("postgres://db.example/bank?sslmode=disable&sslrootcert=/etc/ca.pem", "sslmode=disable"),
        ("postgres://%2Frun%2Fpg/bank?sslmode=verify-full", "socket"),
        ("postgres://%2Frun%2Fpg,db.example/bank", "socket"),
        ("postgres:///bank?hostaddr=192.0.2.1", "hostaddr"),
    ] {
        let refused = PostgresAddress::parse(url).err();
        assert!(refused.is_some_and(|text| text.contains(says)), "{url}: {refused:?}");
    }
    for option in ["sslcrl=/etc/crl", "sslnegotiation=some", "mode=fast"] {
        let address = parse(&format!("postgres://u:p@db.example/bank?{option}"));
        assert!(address.config().is_err(), "{option}");
    }
}

/// What the driver would read as somebody else's name, password or host.
#[test]
fn an_address_that_can_be_read_in_two_ways_is_refused() {
    for url in [
        "postgres://localhost/bank?user=bank&password=hunter2@corp",
        "postgres://localhost/b@nk",
        "postgres://u:p@ss@localhost/bank",
        "postgres://localhost/bank?%68ost=db.example",
    ] {
        let wrong = PostgresAddress::parse(url).map(|address| address.config().map(|_| ()));
        assert!(!matches!(wrong, Ok(Ok(()))), "{url}");
    }
    assert!(parse("postgres://u:p%40ss@localhost/bank").config().is_ok());
}
