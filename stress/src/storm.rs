//! `stress storm`: everybody is on one node, the node is killed, and everybody comes back elsewhere.
//!
//! Clients come back as the protocol's own state machine does, after jittered delays that grow with each failure, name
//! the position they have seen, and are served again when a message that they send on the new connection is
//! acknowledged. As behind a load balancer that has noticed, nobody is sent to the node that is gone.

mod client;
mod report;

use crate::cli::StormOptions;
use crate::histogram::Histogram;
use crate::load::nanos;
use crate::processes::{self, Watched};
use crate::socket::{self, Frame, State};
use crate::users::Users;
use anyhow::{Context, Result, ensure};
use client::Client;
use report::Report;
use rustix::event::{Timespec, epoll};
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long all connections together may take in the beginning.
const CONNECT: Duration = Duration::from_secs(120);
/// Connections that are being made at once in the beginning.
const CONNECTING: usize = 64;
/// How long everybody may take to be served again.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked who is to connect.
const LOOK: Duration = Duration::from_millis(5);
/// Time between the beginning and the cut.
const SETTLE: Duration = Duration::from_secs(3);
const EVENTS: usize = 512;

struct Storm {
    epoll: OwnedFd,
    start: Instant,
    clients: Vec<Client>,
    nodes: Vec<SocketAddr>,
    /// Who is to connect in the beginning.
    first: usize,
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
}

/// Runs it, and gives what is to be printed and whether all was well.
///
/// # Errors
/// If it could not be run.
pub(crate) fn run(options: &StormOptions) -> Result<(String, bool)> {
    let users = Users::load(&options.users)?;
    let conversations = users.conversations.get(&2).map_or(0, Vec::len);
    let count = options.count;
    ensure!(users.users.len() >= count && conversations * 2 >= count, "{} has too few users", options.users.display());
    ensure!(options.node.len() >= 2, "there is nowhere to go: name two nodes at least");
    if let Some(core) = options.core {
        processes::stay_on(core)?;
    }
    let lost = i32::try_from(options.kill).ok().and_then(Pid::from_raw).context("--kill is not a process id")?;
    let mut storm = Storm::new(options, &users)?;
    storm.until(CONNECT, |client| client.is_live()).context("not everybody was welcomed in the beginning")?;
    storm.pause(SETTLE)?;
    let before = cpu(&options.process)?;
    let cut = storm.now();
    for client in &mut storm.clients {
        client.prepare_for_return();
    }
    kill_process(lost, Signal::KILL).context("the node can not be killed")?;
    let all = storm.until(LIMIT, Client::is_served).is_ok();
    let used: u64 = cpu(&options.process)?.iter().zip(before).map(|(after, before)| after - before).sum();
    let took = storm.now() - cut;
    let mut report =
        Report { clients: count, cpu_seconds: used as f64 / 1e6, seconds: took as f64 / 1e9, ..Report::default() };
    let (mut since_cut, mut since_return) = (Histogram::default(), Histogram::default());
    for client in &storm.clients {
        report.tries += u64::from(client.tries);
        let (Some(served), Some(returned)) = (client.served, client.returned) else { continue };
        report.served += 1;
        since_cut.record(served.saturating_sub(cut));
        since_return.record(served.saturating_sub(returned));
    }
    report.since_cut_ms = (&since_cut).into();
    report.since_return_ms = (&since_return).into();
    let text = if options.json { serde_json::to_string(&report)? } else { report.to_string() };
    Ok((text, all))
}

fn cpu(watched: &[Watched]) -> Result<Vec<u64>> {
    watched.iter().map(Watched::cpu_micros).collect()
}

impl Storm {
    fn new(options: &StormOptions, users: &Users) -> Result<Self> {
        let client =
            |number: usize| Client::new(&users.users[number], users.conversations[&2][number / 2], number as u64);
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            start: Instant::now(),
            clients: (0..options.count).map(client).collect(),
            nodes: options.node.clone(),
            first: 0,
            buffer: vec![0; 1024 * 1024],
            events: Vec::with_capacity(EVENTS),
        })
    }

    /// Goes on until this is so of everybody.
    fn until(&mut self, limit: Duration, is_so: impl Fn(&Client) -> bool) -> Result<()> {
        let until = self.now() + nanos(limit);
        loop {
            let yet = self.clients.iter().filter(|client| !is_so(client)).count();
            if yet == 0 {
                return Ok(());
            }
            ensure!(self.now() < until, "{yet} of {} were not in time", self.clients.len());
            self.turn()?;
        }
    }

    fn pause(&mut self, time: Duration) -> Result<()> {
        let until = self.now() + nanos(time);
        while self.now() < until {
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<()> {
        self.connect()?;
        let wait = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
        let mut events = std::mem::take(&mut self.events);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("can not wait for sockets"),
        }
        for event in events.drain(..) {
            let place = event.data.u64() as usize;
            let now = self.now();
            if self.serve(place, now).is_err() {
                // What is gone is gone; why does not matter to who comes back.
                self.clients[place].lose(now);
            }
        }
        self.events = events;
        Ok(())
    }

    /// Connects those whose time has come: the first time to the node that will be lost, then to the others in turn.
    fn connect(&mut self) -> Result<()> {
        let now = self.now();
        let live = self.clients[..self.first].iter().filter(|client| client.is_live()).count();
        let most = (live + CONNECTING).min(self.clients.len());
        for place in self.first..most {
            self.clients[place].connect(self.nodes[0], now)?;
            self.watch(place)?;
        }
        self.first = self.first.max(most);
        for place in 0..self.first {
            if self.clients[place].is_due(now) {
                let elsewhere = &self.nodes[1..];
                let node = elsewhere[place % elsewhere.len()];
                self.clients[place].connect(node, now)?;
                self.watch(place)?;
            }
        }
        Ok(())
    }

    fn watch(&self, place: usize) -> Result<()> {
        let Some(socket) = &self.clients[place].socket else { return Ok(()) };
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        epoll::add(&self.epoll, &socket.stream, epoll::EventData::new_u64(place as u64), flags)?;
        Ok(())
    }

    fn serve(&mut self, place: usize, now: u64) -> Result<()> {
        let client = &mut self.clients[place];
        loop {
            let Some(socket) = &mut client.socket else { return Ok(()) };
            socket.flush()?;
            let (len, more) = socket.read(&mut self.buffer)?.context("closed")?;
            let mut at = 0;
            if len > 0 && socket.state() == State::Upgrading {
                at = socket.upgrade(&self.buffer[..len])?;
                if at > 0 {
                    client.greet();
                }
            }
            while at > 0 || client.is_open() {
                let Some((frame, used)) = socket::parse(&self.buffer[at..len])? else { break };
                match frame {
                    Frame::Text(text) => client.hear(&self.buffer[at + text.start..at + text.end], now)?,
                    Frame::Close(code) => anyhow::bail!("closed with {}", code.unwrap_or_default()),
                    Frame::Ping(payload) => client.pong(&self.buffer[at + payload.start..at + payload.end]),
                    Frame::Nothing => {}
                }
                at += used;
            }
            if let Some(socket) = &mut client.socket {
                socket.keep(&self.buffer[at..len]);
                socket.flush()?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn now(&self) -> u64 {
        nanos(self.start.elapsed())
    }
}
