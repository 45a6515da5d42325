//! Whose connection it is: all nodes connect to the same address of the bus, as they must, and are told apart by the
//! process that holds the other end.

use super::node::Processes;
use std::fs;
use std::net::SocketAddr;
use std::sync::PoisonError;

/// The number of the node that connects from this address.
pub(super) fn connects(processes: &Processes, peer: SocketAddr) -> Option<usize> {
    let inode = inode(&fs::read_to_string("/proc/net/tcp").ok()?, peer.port())?;
    let known = processes.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let socket = format!("socket:[{inode}]");
    known.iter().position(|process| process.is_some_and(|process| holds(process, &socket)))
}

/// The socket whose own port is this one, of those that are connected.
fn inode(table: &str, port: u16) -> Option<u64> {
    let port = format!(":{port:04X}");
    let mut rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.get(1).is_some_and(|own| own.ends_with(&port)) && row.get(3) == Some(&"01"))?;
    row.get(9)?.parse().ok()
}

fn holds(process: u32, socket: &str) -> bool {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    open.into_iter().any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_connection_of_this_process_is_known_for_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_server, peer) = listener.accept().unwrap();
        let processes = Arc::new(Mutex::new(vec![None, Some(std::process::id())]));
        assert_eq!(connects(&processes, peer), Some(1));
        processes.lock().unwrap()[1] = None;
        assert_eq!(connects(&processes, peer), None);
    }
}
