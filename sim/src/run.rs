//! One seed, from its beginning to the verdict.

use crate::checker::{Violation, check};
use crate::lock;
use crate::random::Random;
use crate::rest::Outcome;
use crate::script::{Script, Step};
use crate::world::World;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};
use std::time::Duration;
use tokio::time::sleep;

/// How long everything takes to begin, in milliseconds.
const BEGINNING: u64 = 3_000;
/// How long what the last step began may take before everything is mended: a node that is replaced has left by then.
const LAST_STEP: u64 = 4_000;
/// In this time after the last fault everything is delivered and every send resolved (I11).
const AT_REST_AFTER: u64 = 15_000;

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Run {
    /// What people did and what broke.
    pub script: Script,
    /// What happened, and how everything stands.
    pub outcome: Option<Outcome>,
    /// What is wrong with that.
    pub violations: Vec<Violation>,
}

/// Runs what the seed says.
#[must_use]
pub fn run(seed: u64) -> Run {
    let mut random = Random::new(seed).fork(0);
    run_script(seed, &Script::draw(&mut random))
}

/// Runs this script, with everything else (delays, which node, which envelope) drawn from the seed.
#[must_use]
pub fn run_script(seed: u64, script: &Script) -> Run {
    note_panics();
    PANICS.set(0);
    let outcome = catch_unwind(AssertUnwindSafe(|| play(seed, script))).ok().flatten();
    let mut violations = outcome.as_ref().map(check).unwrap_or_default();
    let panics = PANICS.get();
    if outcome.is_none() || panics > 0 {
        // Nothing of what is promised holds where the program breaks down.
        violations
            .push(Violation { invariant: 0, what: format!("{panics} panics; the run ended: {}", outcome.is_some()) });
    }
    Run { script: script.clone(), outcome, violations }
}

thread_local! {
    /// Panics on this thread: tokio keeps those of tasks to itself.
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.set(PANICS.get() + 1);
            before(panic);
        }));
    });
}

fn play(seed: u64, script: &Script) -> Option<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().ok()?;
    runtime.block_on(async {
        let world = World::begin(&Random::new(seed), &script.setting).await.ok()?;
        tokio::spawn(world.schedule.clone().run());
        for slot in 0..world.slots.len() {
            world.start_node(slot);
        }
        watch_nodes(&world);
        sleep(Duration::from_millis(100)).await;
        for (number, device) in world.devices.iter().enumerate() {
            lock(device).load(&world, number as u64, number != 1);
        }
        sleep(Duration::from_millis(BEGINNING)).await;
        let backups = backups(script);
        for (number, (pause, step)) in script.steps.iter().enumerate() {
            sleep(Duration::from_millis(*pause)).await;
            if backups.contains(&number) {
                back_up(&world, number).await;
            }
            world.take(number, step).await;
        }
        sleep(Duration::from_millis(LAST_STEP)).await;
        world.heal();
        sleep(Duration::from_millis(AT_REST_AFTER)).await;
        let outcome = Outcome::read(&world).await;
        world.end();
        // Tasks go while there is a runtime to go in.
        sleep(Duration::from_millis(1)).await;
        Some(outcome)
    })
}

/// Looks every so many milliseconds how much waits for each connection, and who is connected.
const LOOK_EVERY: u64 = 50;

fn watch_nodes(world: &Arc<World>) {
    world.check_queues();
    world.note_connected();
    let next = world.clone();
    world.schedule.after(LOOK_EVERY, move || watch_nodes(&next));
}

/// Before which steps the store is copied, because a later one sets it back to then.
fn backups(script: &Script) -> Vec<usize> {
    let back = |(at, (_, step)): (usize, &(u64, Step))| match step {
        Step::RollBack { steps } | Step::TakeOver { steps } => Some(at.saturating_sub(*steps)),
        _ => None,
    };
    script.steps.iter().enumerate().filter_map(back).collect()
}

async fn back_up(world: &World, number: usize) {
    use trunkline_server::store::Store;
    let store = world.stores.direct();
    if let Ok(epoch) = store.epoch().await
        && let Ok(copy) = store.copy_in_memory(epoch)
    {
        lock(&world.backups).insert(number, Arc::new(copy));
    }
}
