//! The two registries that directed routing could use, at Redis alone: leases, by which a node publishes once to each
//! node concerned, and Redis' own subscription table, in which each user is a channel and a node publishes once for
//! each receiver. What nodes do besides is the same, so only Redis is measured: the real server, the real commands.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, ensure};

use super::programs::{Folder, Running, ask, free_port, start_redis};
use super::routing::{USERS, traffic};

/// Messages of each measurement.
const MESSAGES: usize = 200_000;
/// Messages that a node publishes at once when it has much to do.
const PIPELINE: usize = 64;
/// Bytes of an envelope with a message of 100 bytes.
const ENVELOPE: usize = 330;

/// How a node finds its receivers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// A channel for each node; the registry says who is where.
    Leases,
    /// A channel for each user; the nodes with their connections listen.
    Channels,
}

/// What a message costs Redis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    /// CPU time in microseconds.
    pub(super) cpu: f64,
    /// Bytes into Redis.
    pub(super) bytes_in: f64,
    /// Bytes out of it.
    pub(super) bytes_out: f64,
    /// Memory for the subscriptions of a user, in KiB.
    pub(super) memory: f64,
}

/// Publishes many messages one way, between this many nodes in groups of this size whose members are on different nodes.
///
/// # Errors
/// If Redis does not do as expected.
pub(super) fn measure(way: Way, nodes: usize, group: usize) -> Result<Price> {
    let folder = Folder::new("registry")?;
    let port = free_port()?;
    let redis = start_redis(&folder.0, port)?;
    let empty = memory(port)?;
    let subscribers = (0..nodes).map(|node| subscribe(port, way, nodes, group, node)).collect::<Result<Vec<_>>>()?;
    let full = memory(port)?;
    let mut publisher = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    publisher.set_nodelay(true)?;
    let (before, cpu_before) = (traffic(port)?, cpu_micros(&redis)?);
    let payload = "x".repeat(ENVELOPE);
    let (mut batch, mut waiting) = (Vec::new(), 0);
    for number in 0..MESSAGES {
        for channel in channels_of(way, nodes, group, number % USERS) {
            let length = channel.len();
            write!(batch, "*3\r\n$7\r\nPUBLISH\r\n${length}\r\n{channel}\r\n${ENVELOPE}\r\n{payload}\r\n")?;
            waiting += 1;
        }
        if number % PIPELINE == PIPELINE - 1 || number == MESSAGES - 1 {
            publisher.write_all(&batch)?;
            // Each channel has one listener: the answer is a colon, a digit and the end of the line.
            let mut answers = vec![0; waiting * 4];
            publisher.read_exact(&mut answers)?;
            ensure!(answers.chunks(4).all(|answer| answer == b":1\r\n"), "a message was published to nobody");
            (waiting, batch) = (0, Vec::new());
        }
    }
    let (after, cpu_after) = (traffic(port)?, cpu_micros(&redis)?);
    for (stream, reader) in subscribers {
        stream.shutdown(Shutdown::Both)?;
        // Its end was asked for.
        let _ = reader.join();
    }
    let each = |value: f64| value / MESSAGES as f64;
    Ok(Price {
        cpu: each((cpu_after - cpu_before) as f64),
        bytes_in: each(after.0 - before.0),
        bytes_out: each(after.1 - before.1),
        memory: (full - empty).max(0.0) / 1024.0 / USERS as f64,
    })
}

fn node_of(user: usize, nodes: usize, group: usize) -> usize {
    (user / group + user % group) % nodes
}

fn node_channel(node: usize) -> String {
    format!("trunkline:00000000-0000-4000-8000-000000000000:node:00000000-0000-4000-8000-{node:012}")
}

fn user_channel(user: usize) -> String {
    format!("trunkline:00000000-0000-4000-8000-000000000000:user:{user}")
}

/// Where a message of this user is published: not to their own node, which has it.
fn channels_of(way: Way, nodes: usize, group: usize, sender: usize) -> Vec<String> {
    let first = sender / group * group;
    let here = node_of(sender, nodes, group);
    let elsewhere = (first..first + group).filter(|&user| node_of(user, nodes, group) != here);
    match way {
        Way::Leases => {
            let concerned: BTreeSet<_> = elsewhere.map(|user| node_of(user, nodes, group)).collect();
            concerned.into_iter().map(node_channel).collect()
        }
        Way::Channels => elsewhere.map(user_channel).collect(),
    }
}

/// One node's subscriptions, and a thread that takes what comes.
fn subscribe(port: u16, way: Way, nodes: usize, group: usize, node: usize) -> Result<(TcpStream, JoinHandle<()>)> {
    let channels: Vec<_> = match way {
        Way::Leases => vec![node_channel(node)],
        Way::Channels => (0..USERS).filter(|&user| node_of(user, nodes, group) == node).map(user_channel).collect(),
    };
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let mut command = format!("*{}\r\n$9\r\nSUBSCRIBE\r\n", channels.len() + 1);
    for channel in &channels {
        command.push_str(&format!("${}\r\n{channel}\r\n", channel.len()));
    }
    stream.write_all(command.as_bytes())?;
    let mut confirmed = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    let last = format!(":{}\r\n", channels.len());
    while !confirmed.ends_with(last.as_bytes()) {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "Redis ended a subscription");
        confirmed.extend_from_slice(&buffer[..read]);
    }
    let mut reading = stream.try_clone()?;
    let reader = thread::spawn(move || {
        loop {
            match reading.read(&mut buffer) {
                Ok(0) => return,
                Err(error) if error.kind() != ErrorKind::Interrupted => return,
                _ => {}
            }
        }
    });
    Ok((stream, reader))
}

fn memory(port: u16) -> Result<f64> {
    let info = ask(port, "INFO memory\r\n").context("Redis does not answer")?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|value| value.trim().parse().ok()).context("Redis does not say used_memory")
}

/// CPU time of the main thread, which does everything here.
fn cpu_micros(redis: &Running) -> Result<u64> {
    let pid = redis.pid();
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).context("Redis is gone")?;
    let nanos: u64 = text.split(' ').next().and_then(|first| first.parse().ok()).context("/proc is not as expected")?;
    Ok(nanos / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_publish_to_each_node_once_and_channels_to_each_receiver() {
        let count = |way, nodes, group| channels_of(way, nodes, group, 0).len();
        assert_eq!((count(Way::Leases, 4, 2), count(Way::Channels, 4, 2)), (1, 1));
        assert_eq!((count(Way::Leases, 4, 32), count(Way::Channels, 4, 32)), (3, 24));
    }
}
