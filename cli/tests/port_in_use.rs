//! The one error whose text holds something that only the running test knows: a port.

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
}
