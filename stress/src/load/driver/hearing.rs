//! What nodes say, and what it leads to.

use super::super::peer::{Nanos, Progress};
use super::{Driver, Pace};
use crate::dialect::Dialect;
use crate::socket::{self, Frame, State};
use crate::wire::{Incoming, MARK, Mark};
use anyhow::{Context, Result, bail};
use trunkline_protocol::ServerFrame;

impl Driver {
    /// Takes what has come on a user's connection.
    ///
    /// # Errors
    /// If the connection broke, or says what no node says.
    pub(super) fn serve(&mut self, place: usize, buffer: &mut [u8]) -> Result<()> {
        loop {
            let Some(socket) = &mut self.peers[place].socket else { return Ok(()) };
            socket.flush()?;
            let Some((len, more)) = socket.read(buffer)? else { bail!("the node closed the connection") };
            let mut at = 0;
            if len > 0 && socket.state() == State::Upgrading {
                at = socket.upgrade(&buffer[..len])?;
                if at > 0 {
                    socket.text(self.writing.dialect.greeting(place as u32).as_bytes());
                    self.mark_dirty(place);
                }
            }
            at += self.hear_all(place, &buffer[at..len])?;
            if let Some(socket) = &mut self.peers[place].socket {
                socket.keep(&buffer[at..len]);
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Takes all whole frames; how long they are.
    fn hear_all(&mut self, place: usize, bytes: &[u8]) -> Result<usize> {
        let mut at = 0;
        if self.peers[place].socket.as_ref().is_none_or(|socket| socket.state() != State::Open) {
            return Ok(0);
        }
        while let Some((frame, used)) = socket::parse(&bytes[at..])? {
            let rest = &bytes[at..];
            match frame {
                Frame::Text(text) => self.hear(place, &rest[text])?,
                Frame::Ping(payload) => {
                    self.peers[place].pong(&rest[payload]);
                    self.mark_dirty(place);
                }
                Frame::Close(code) => bail!("the node closed the connection with {}", code.unwrap_or_default()),
                Frame::Nothing => {}
            }
            at += used;
        }
        Ok(at)
    }

    fn hear(&mut self, place: usize, frame: &[u8]) -> Result<()> {
        match self.writing.dialect.read(frame)? {
            Incoming::Message { conversation, seq, text } if conversation == self.peers[place].id => {
                self.message(place, seq, text);
            }
            Incoming::Ack { key, seq, .. } => {
                let peer = &mut self.peers[place];
                let conversation = peer.conversation;
                self.heads[conversation] = self.heads[conversation].max(seq);
                if let Some(progress) = peer.acked(key, seq, &mut self.writing) {
                    let now = self.now();
                    self.figures.acked += u64::from(is_within(self.window, now));
                    if is_within(self.window, progress.due) {
                        self.figures.ack.record(now - progress.due);
                    }
                    self.proceed(place, progress, now);
                }
                self.mark_dirty(place);
            }
            Incoming::Other(frame) => self.other(place, *frame)?,
            Incoming::Relayed { text } => match self.mark_of(text) {
                Some(mark) if self.peers[place].checker.relayed(mark.sender, mark.number) => self.arrived(mark),
                Some(_) => {}
                None => self.peers[place].checker.altered(0),
            },
            Incoming::Welcome => {
                self.peers[place].welcomed(0);
                self.live += 1;
            }
            Incoming::Ping => {
                self.peers[place].text(Dialect::PONG);
                self.mark_dirty(place);
            }
            Incoming::Message { .. } | Incoming::Nothing => {}
        }
        Ok(())
    }

    fn message(&mut self, place: usize, seq: u64, text: &[u8]) {
        let mark = self.mark_of(text);
        let peer = &mut self.peers[place];
        let head = &mut self.heads[peer.conversation];
        *head = seq.max(*head);
        let Some(mark) = mark else { return peer.checker.altered(seq) };
        if mark.sender as usize == place {
            self.figures.echoed += 1;
            return peer.checker.echoed(seq);
        }
        if peer.checker.changed(seq, mark.sender, mark.number) {
            self.arrived(mark);
        }
    }

    /// The mark of a text that is as it was sent.
    fn mark_of(&self, text: &[u8]) -> Option<Mark> {
        Mark::read(text).filter(|_| text.get(MARK..) == Some(&self.writing.filler))
    }

    /// Somebody has a message for the first time.
    fn arrived(&mut self, mark: Mark) {
        let now = self.now();
        self.figures.delivered_in_all += 1;
        self.figures.delivered += u64::from(is_within(self.window, now));
        if is_within(self.window, mark.due) {
            self.figures.delivery.record(now.saturating_sub(mark.due));
        }
        let sender = mark.sender as usize;
        if let Some(progress) = self.peers.get_mut(sender).and_then(|peer| peer.received(mark.number)) {
            self.proceed(sender, progress, now);
        }
    }

    /// A message of this user has got on: if it is done, there is room for another.
    fn proceed(&mut self, place: usize, progress: Progress, now: Nanos) {
        if progress.done && self.sending.is_some() && matches!(self.pace, Pace::InFlight(_)) {
            self.peers[place].send(now, &mut self.writing);
            self.mark_dirty(place);
        }
    }

    fn other(&mut self, place: usize, frame: ServerFrame) -> Result<()> {
        let now = self.now();
        let peer = &mut self.peers[place];
        match frame {
            ServerFrame::Welcome { conversations, .. } => {
                let own = conversations.iter().find(|given| given.id.0 == peer.id);
                let head = own.context("the user is not in the conversation: another database?")?.head.0;
                peer.welcomed(head);
                self.heads[peer.conversation] = self.heads[peer.conversation].max(head);
                self.live += 1;
            }
            ServerFrame::Refused { retry_after: Some(after), .. } => {
                self.figures.postponed += 1;
                peer.refused(now + Nanos::from(after) * 1_000_000);
            }
            ServerFrame::Refused { code, message, .. } => bail!("a message was refused with {code}: {message}"),
            ServerFrame::Error { code, message, .. } => bail!("a frame was refused with {code}: {message}"),
            _ => {}
        }
        Ok(())
    }
}

fn is_within(window: Option<(Nanos, Nanos)>, moment: Nanos) -> bool {
    window.is_some_and(|(begin, end)| (begin..end).contains(&moment))
}
