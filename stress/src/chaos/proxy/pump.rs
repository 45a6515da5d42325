//! One direction of a connection.

use super::nudges::Filter;
use super::weather::{Carry, Cut, Side, Weather};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// What is read at once.
const CHUNK: usize = 16 * 1024;
/// Chunks on their way: what a line of some length holds. Who says more has to wait.
const ON_THE_WAY: usize = 64;

/// Somebody is gone: the connection ends with a reset.
#[derive(Debug)]
pub(super) struct Ended;

/// See the module.
pub(super) struct Pump {
    /// Who hears what goes this way.
    hears: Side,
    weather: watch::Receiver<Weather>,
    filter: Option<Filter>,
    /// Something of this connection was swallowed here.
    lossy: bool,
    last_due: Instant,
}

/// What is on its way: bytes, or the end.
enum Piece {
    Bytes(Instant, Vec<u8>),
    End,
}

impl Pump {
    pub(super) fn new(hears: Side, weather: watch::Receiver<Weather>, filter: Option<Filter>) -> Self {
        Self { hears, weather, filter, lossy: false, last_due: Instant::now() }
    }

    /// Until the speaker has said all and the hearer was told.
    pub(super) async fn run(mut self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> Result<(), Ended> {
        let (said, heard) = mpsc::channel(ON_THE_WAY);
        let (hears, weather) = (self.hears, self.weather.clone());
        tokio::try_join!(self.listen(from, said), speak(hears, weather, heard, to))?;
        Ok(())
    }

    async fn listen(&mut self, mut from: ReadHalf<'_>, said: mpsc::Sender<Piece>) -> Result<(), Ended> {
        let mut buffer = vec![0; CHUNK];
        loop {
            // Held back: it waits with the speaker.
            let carried = |weather: &Weather| carry(weather, self.hears) != Carry::Hold;
            self.weather.wait_for(carried).await.map_err(|_| Ended)?;
            let read = tokio::select! {
                biased;
                changed = self.weather.changed() => {
                    changed.map_err(|_| Ended)?;
                    continue;
                }
                read = from.read(&mut buffer) => read.map_err(|_| Ended)?,
            };
            let weather = *self.weather.borrow();
            self.lossy |= carry(&weather, self.hears) == Carry::Swallow;
            match (read, self.lossy) {
                // Nobody is told of the end either.
                (0, true) => return std::future::pending().await,
                (_, true) => {}
                (0, false) => {
                    // Who hears no more has ended the connection by itself.
                    let _ = said.send(Piece::End).await;
                    return Ok(());
                }
                (read, false) => {
                    let bytes = self.filtered(&buffer[..read], &weather);
                    let due = self.due(&weather);
                    if !bytes.is_empty() && said.send(Piece::Bytes(due, bytes)).await.is_err() {
                        // Half closed: what is said is taken, and nobody hears it.
                        self.lossy = true;
                    }
                }
            }
        }
    }

    fn filtered(&mut self, bytes: &[u8], weather: &Weather) -> Vec<u8> {
        match &mut self.filter {
            Some(filter) => filter.pass(bytes, weather.nudges),
            None => bytes.to_owned(),
        }
    }

    /// Never before what was said earlier.
    fn due(&mut self, weather: &Weather) -> Instant {
        let late = weather.delay + weather.jitter.mul_f64(random());
        self.last_due = self.last_due.max(Instant::now() + late);
        self.last_due
    }
}

const fn carry(weather: &Weather, hears: Side) -> Carry {
    match hears {
        Side::Server => weather.up,
        Side::Client => weather.down,
    }
}

/// Writes what is due, until it is told to stop or to half close.
async fn speak(
    hears: Side,
    mut weather: watch::Receiver<Weather>,
    mut heard: mpsc::Receiver<Piece>,
    mut to: WriteHalf<'_>,
) -> Result<(), Ended> {
    let seen = weather.borrow_and_update().cuts;
    let closed = |now: &Weather| now.cuts > seen && now.cut == Cut::HalfClose(hears);
    let mut watching = weather.clone();
    let writing = async {
        while let Some(Piece::Bytes(due, bytes)) = heard.recv().await {
            sleep_until(due).await;
            write(&bytes, &mut to, &weather).await?;
        }
        Ok(())
    };
    tokio::select! {
        written = writing => written?,
        _ = watching.wait_for(closed) => {}
    }
    // The other side may be gone already.
    let _ = to.shutdown().await;
    Ok(())
}

async fn write(bytes: &[u8], to: &mut WriteHalf<'_>, weather: &watch::Receiver<Weather>) -> Result<(), Ended> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let now = *weather.borrow();
        let most = now.slice.unwrap_or(usize::MAX).min(now.rate.map_or(usize::MAX, |_| 1024)).max(1);
        let (piece, later) = rest.split_at(rest.len().min(most));
        to.write_all(piece).await.map_err(|_| Ended)?;
        if let Some(rate) = now.rate {
            sleep(Duration::from_secs_f64(piece.len() as f64 / f64::from(rate.max(1)))).await;
        } else if now.slice.is_some() {
            // So that the next piece is a packet of its own.
            tokio::task::yield_now().await;
        }
        rest = later;
    }
    Ok(())
}

/// From 0 to 1. The jitter of a line need not be the same in a second run: what it leads to is recorded.
fn random() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64
}
