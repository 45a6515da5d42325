//! The one thread that is all users: it waits for sockets and for moments, and never for anything else.

mod hearing;

use super::peer::{Nanos, Peer, Writing};
use crate::check::Faults;
use crate::cli::LoadOptions;
use crate::histogram::Histogram;
use crate::socket::Socket;
use crate::users::Users;
use crate::wire::MARK;
use anyhow::{Context, Result, ensure};
use rustix::event::{Timespec, epoll};
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use trunkline_protocol::{SendKey, limits};

/// Bytes that are read at once: more than a frame of a node is long.
const READ: usize = 1024 * 1024;
/// Connections that are being made at once: what a listener's queue holds without dropping any.
const CONNECTING: usize = 64;
/// Events taken at once.
const EVENTS: usize = 512;
const SECOND: Nanos = 1_000_000_000;
/// How often it is looked whose second is over.
const ROUND: Nanos = 10_000_000;
/// How often it is looked whether everything has arrived.
const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// From one sender to the next: a prime, so that it shares no factor with the number of users.
const STEP: usize = 7_919;

/// What sets the pace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// So many messages of each user are on their way.
    InFlight(usize),
    /// So many messages are due each second, in turn by all users.
    Rate(f64),
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFlight(number) => write!(f, "saturation, {number} in flight a user"),
            Self::Rate(rate) => write!(f, "{rate} messages a second"),
        }
    }
}

/// What was counted and timed in the time that was measured.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) delivery: Histogram,
    pub(super) ack: Histogram,
    pub(super) postponed: u64,
    pub(super) echoed: u64,
    pub(super) delivered: u64,
    pub(super) delivered_in_all: u64,
    pub(super) acked: u64,
}

/// See the module.
pub(super) struct Driver {
    epoll: OwnedFd,
    start: Instant,
    peers: Vec<Peer>,
    /// Those that wait to connect: place, node and cookie.
    to_connect: Vec<(usize, SocketAddr, String)>,
    heads: Vec<u64>,
    writing: Writing,
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
    dirty: Vec<u32>,
    pace: Pace,
    /// When the sending began, and how many messages were due since; `None` before and after.
    sending: Option<(Nanos, u64)>,
    /// What is due within this time is measured.
    window: Option<(Nanos, Nanos)>,
    /// How many users' seconds are over.
    rounds: u64,
    live: usize,
    pub(super) figures: Figures,
}

impl Driver {
    /// Prepares the users; they connect in the turns that follow.
    ///
    /// # Errors
    /// If the system has no more to give.
    pub(super) fn new(options: &LoadOptions, users: &Users, pace: Pace) -> Result<Self> {
        let conversations = conversations(options, users);
        let place = |number: usize| (number / options.group, number % options.group);
        // Members of a conversation are on nodes that follow each other, or all on the same one.
        let local = (options.local * conversations.len() as f64).round() as usize;
        let node = |number: usize| {
            let (conversation, member) = place(number);
            let spread = if conversation < local { 0 } else { member };
            options.node[(conversation + spread) % options.node.len()]
        };
        let to_connect = (0..options.count).rev().map(|number| (number, node(number), cookie(users, number)));
        let peer = |number: usize| {
            let (conversation, _) = place(number);
            Peer::new(number as u32, conversation, conversations[conversation])
        };
        let filler = (b'a'..=b'z').cycle().take(options.size - MARK).collect();
        let (others, random) = (options.group as u32 - 1, SendKey::random().0.as_u64_pair().0);
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            start: Instant::now(),
            peers: (0..options.count).map(peer).collect(),
            to_connect: to_connect.collect(),
            heads: vec![0; conversations.len()],
            writing: Writing { filler, others, dialect: options.dialect, random, frame: Vec::new() },
            buffer: vec![0; READ],
            events: Vec::with_capacity(EVENTS),
            dirty: Vec::new(),
            pace,
            sending: None,
            window: None,
            rounds: 0,
            live: 0,
            figures: Figures::default(),
        })
    }

    // ---- the run ---------------------------------------------------------------------------------------------

    /// Connects everybody.
    ///
    /// # Errors
    /// If that is not done in time, or a connection breaks.
    pub(super) fn run_until_live(&mut self, limit: Duration) -> Result<()> {
        let until = self.now() + nanos(limit);
        while self.live < self.peers.len() {
            ensure!(self.now() < until, "only {} of {} users were welcomed", self.live, self.peers.len());
            self.turn(until)?;
        }
        Ok(())
    }

    /// Goes on for a while.
    ///
    /// # Errors
    /// If a connection breaks.
    pub(super) fn run_for(&mut self, time: Duration) -> Result<()> {
        let until = self.now() + nanos(time);
        while self.now() < until {
            self.turn(until)?;
        }
        Ok(())
    }

    /// Begins to send.
    pub(super) fn start(&mut self) {
        let now = self.now();
        self.sending = Some((now, 0));
        if let Pace::InFlight(number) = self.pace {
            for place in 0..self.peers.len() {
                (0..number).for_each(|_| self.peers[place].send(now, &mut self.writing));
                self.mark_dirty(place);
            }
        }
    }

    /// What is due from now on is measured.
    pub(super) fn begin_measuring(&mut self) {
        self.window = Some((self.now(), Nanos::MAX));
    }

    /// What is due from now on is not measured.
    pub(super) fn end_measuring(&mut self) -> Duration {
        let now = self.now();
        let begin = self.window.map_or(now, |(begin, _)| begin);
        self.window = Some((begin, now));
        Duration::from_nanos(now - begin)
    }

    /// Sends nothing more, and waits for what is on its way, for a while.
    ///
    /// # Errors
    /// If a connection breaks.
    pub(super) fn drain(&mut self, limit: Duration) -> Result<()> {
        self.sending = None;
        let until = self.now() + nanos(limit);
        while self.now() < until && !self.is_done() {
            self.turn(self.now() + nanos(DRAIN_LOOK))?;
        }
        Ok(())
    }

    /// What was wrong.
    pub(super) fn finish(&self) -> Faults {
        let mut faults = Faults::default();
        for peer in &self.peers {
            faults += peer.checker.finish(self.heads[peer.conversation]);
            faults.lost += peer.unacknowledged(self.writing.dialect) as u64;
        }
        faults
    }

    fn is_done(&self) -> bool {
        let done = |peer: &Peer| peer.undone() == 0 && peer.checker.dense() == self.heads[peer.conversation];
        self.peers.iter().all(done)
    }

    // ---- one turn --------------------------------------------------------------------------------------------

    fn turn(&mut self, until: Nanos) -> Result<()> {
        self.connect_some()?;
        let due = self.send_due();
        let round = self.make_rounds();
        self.flush()?;
        let wait = until.min(due).min(round).saturating_sub(self.now());
        let wait = Timespec { tv_sec: (wait / SECOND) as i64, tv_nsec: (wait % SECOND) as i64 };
        let mut events = std::mem::take(&mut self.events);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("can not wait for sockets"),
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        for event in events.drain(..) {
            let place = event.data.u64() as usize;
            self.serve(place, &mut buffer).with_context(|| format!("user {place}"))?;
        }
        (self.buffer, self.events) = (buffer, events);
        self.flush()
    }

    fn connect_some(&mut self) -> Result<()> {
        while let Some((place, node, cookie)) = self.to_connect.last()
            && self.peers.len() - self.to_connect.len() < self.live + CONNECTING
        {
            let socket = Socket::connect(*node, self.writing.dialect.request(*node, cookie))?;
            let data = epoll::EventData::new_u64(*place as u64);
            let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            epoll::add(&self.epoll, &socket.stream, data, flags)?;
            let place = *place;
            self.peers[place].socket = Some(socket);
            self.mark_dirty(place);
            self.to_connect.pop();
        }
        Ok(())
    }

    /// Sends what is due by now; when the next is.
    fn send_due(&mut self) -> Nanos {
        let (Pace::Rate(rate), Some((begin, sent))) = (self.pace, self.sending) else { return Nanos::MAX };
        let now = self.now();
        let mut sent = sent;
        loop {
            let due = begin + (sent as f64 / rate * 1e9) as Nanos;
            if due > now {
                self.sending = Some((begin, sent));
                return due;
            }
            let place = (sent as usize).wrapping_mul(STEP) % self.peers.len();
            self.peers[place].send(due, &mut self.writing);
            self.mark_dirty(place);
            sent += 1;
        }
    }

    /// What each user does once a second, at a moment of their own: telling cursors, and now and then a ping. When it
    /// is time again.
    fn make_rounds(&mut self) -> Nanos {
        let (now, users) = (self.now(), self.peers.len() as u64);
        let rounds = now / ROUND * users / (SECOND / ROUND);
        for round in self.rounds..rounds {
            let place = (round % users) as usize;
            let peer = &mut self.peers[place];
            peer.tell_cursor(&mut self.writing);
            peer.resume(now, &mut self.writing);
            if (round / users + round % users) % limits::PING_EVERY.as_secs() == 0 {
                peer.ping(self.writing.dialect);
            }
            self.mark_dirty(place);
        }
        self.rounds = rounds;
        (now / ROUND + 1) * ROUND
    }

    fn flush(&mut self) -> Result<()> {
        for place in self.dirty.drain(..) {
            let peer = &mut self.peers[place as usize];
            peer.dirty = false;
            peer.flush().with_context(|| format!("user {place}"))?;
        }
        Ok(())
    }

    fn mark_dirty(&mut self, place: usize) {
        let peer = &mut self.peers[place];
        if !peer.dirty {
            peer.dirty = true;
            self.dirty.push(place as u32);
        }
    }

    fn now(&self) -> Nanos {
        nanos(self.start.elapsed())
    }
}

/// Ids of the conversations that are used.
fn conversations(options: &LoadOptions, users: &Users) -> Vec<u64> {
    let made = users.conversations.get(&options.group).map(Vec::as_slice).unwrap_or_default();
    (0..options.count / options.group).map(|number| made.get(number).copied().unwrap_or(0)).collect()
}

fn cookie(users: &Users, number: usize) -> String {
    users.users.get(number).map(|user| user.cookie.clone()).unwrap_or_default()
}

/// A time in nanoseconds.
pub(crate) fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}
