//! Addresses that `serve` cannot listen on. It reports them before it creates anything.

use std::net::TcpListener;
use std::process::Command;

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let next = taken.local_addr().unwrap().port().checked_add(1).unwrap_or(8081);
    let output = Command::new(env!("CARGO_BIN_EXE_abtest"))
        .args(["serve", "--listen", &address])
        .env("RUST_LOG", "error")
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "error: cannot listen on {address}: another program uses this port; stop it, or choose \
             another port, such as --listen {next}\n"
        )
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "a data folder was created");
}

#[test]
fn an_address_of_another_machine_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    // TEST-NET-1 (RFC 5737) belongs to no machine.
    let output = Command::new(env!("CARGO_BIN_EXE_abtest"))
        .args(["serve", "--listen", "192.0.2.1:8080"])
        .env("RUST_LOG", "error")
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: cannot listen on 192.0.2.1:8080: 192.0.2.1 is not an address of this machine; use \
         --listen 8080 for this machine only, or --listen 0.0.0.0:8080 for the network\n"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "a data folder was created");
}
