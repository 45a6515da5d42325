//! What happens in a run. Drawn by proptest, so that a failure shrinks to the few steps that matter.

use proptest::prelude::*;
use trunkline_protocol::ConversationId;

/// How many devices there are: two of the first user, one each of the others.
pub(crate) const DEVICES: usize = 4;

/// Something that people do, or that breaks.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send {
        device: usize,
        conversation: ConversationId,
        count: u8,
    },
    /// Reads all that is there but for the last `but`.
    Read {
        device: usize,
        conversation: ConversationId,
        but: u64,
    },
    Hold {
        device: usize,
        conversation: ConversationId,
        count: u64,
    },
    Older {
        device: usize,
        conversation: ConversationId,
        count: u64,
    },
    RetryFailed {
        device: usize,
    },
    Rename {
        conversation: ConversationId,
    },
    Add {
        conversation: ConversationId,
        user: u64,
    },
    Remove {
        conversation: ConversationId,
        user: u64,
    },
    HandOver {
        conversation: ConversationId,
        user: u64,
    },
    Call {
        user: u64,
    },
    /// All frames in flight are lost; a silent cut is noticed by nobody.
    Cut {
        device: usize,
        silent: bool,
    },
    /// The page is loaded again, with or without what the server rendered into it.
    Reload {
        device: usize,
        seeded: bool,
    },
    NetworkLost {
        device: usize,
        millis: u64,
    },
    /// The node stores the device's next message and dies before it tells anybody.
    CrashAfterCommit {
        device: usize,
    },
    /// The node asks to move after so many milliseconds, and closes so many later.
    Moving {
        device: usize,
        after: u32,
        window: u32,
    },
    Refuse {
        device: usize,
        count: u8,
        after: u32,
    },
    Slow {
        device: usize,
        millis: u64,
    },
    /// Nudges are lost, come twice or overtake each other; in percent, for a while.
    Bus {
        lost: u64,
        doubled: u64,
        spread: u64,
        millis: u64,
    },
    /// The store does not answer for a while.
    StoreDown {
        millis: u64,
    },
    /// Nothing moves for a while, and then everything goes on.
    Freeze {
        millis: u64,
    },
    /// The store is set back to what it was some steps ago, under a new epoch.
    RollBack {
        steps: usize,
    },
}

/// A run.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Gives all delays.
    pub seed: u64,
    /// Which devices hold every conversation.
    pub holds_all: [bool; DEVICES],
    /// Most changes in an answer to a fetch.
    pub range_limit: u64,
    /// How many of them go into one frame.
    pub portion: usize,
    /// Whether a node that follows the store hands out all that was lost on the bus, or only the last of each log.
    pub follows_whole: bool,
    /// Whether nodes answer cursors that move nothing.
    pub answers_unmoved: bool,
    /// Each with the milliseconds before it.
    pub steps: Vec<(u64, Step)>,
}

fn conversation() -> impl Strategy<Value = ConversationId> {
    prop_oneof![4 => Just(ConversationId(10)), 2 => Just(ConversationId(11)), 1 => Just(ConversationId(12))]
}

fn group() -> impl Strategy<Value = ConversationId> {
    prop_oneof![3 => Just(ConversationId(10)), 1 => Just(ConversationId(12))]
}

/// Often enough to move, and sometimes not.
fn window() -> impl Strategy<Value = u32> {
    prop_oneof![2 => Just(3_000), 1 => 0..400_u32]
}

fn what_people_do() -> impl Strategy<Value = Step> {
    let device = 0..DEVICES;
    let user = 1..=3_u64;
    prop_oneof![
        12 => (device.clone(), conversation(), prop_oneof![4 => 1..4_u8, 1 => 10..40_u8])
            .prop_map(|(device, conversation, count)| Step::Send { device, conversation, count }),
        8 => (device.clone(), conversation(), prop_oneof![2 => Just(0), 1 => 0..6_u64])
            .prop_map(|(device, conversation, but)| Step::Read { device, conversation, but }),
        5 => (device.clone(), conversation(), 1..30_u64)
            .prop_map(|(device, conversation, count)| Step::Hold { device, conversation, count }),
        2 => (device.clone(), conversation(), 1..30_u64)
            .prop_map(|(device, conversation, count)| Step::Older { device, conversation, count }),
        1 => device.prop_map(|device| Step::RetryFailed { device }),
        1 => group().prop_map(|conversation| Step::Rename { conversation }),
        2 => (group(), user.clone()).prop_map(|(conversation, user)| Step::Add { conversation, user }),
        2 => (group(), user.clone()).prop_map(|(conversation, user)| Step::Remove { conversation, user }),
        1 => (group(), user.clone()).prop_map(|(conversation, user)| Step::HandOver { conversation, user }),
        1 => user.prop_map(|user| Step::Call { user }),
    ]
}

fn what_breaks() -> impl Strategy<Value = Step> {
    let device = 0..DEVICES;
    let millis = 100..6_000_u64;
    prop_oneof![
        3 => (device.clone(), any::<bool>()).prop_map(|(device, silent)| Step::Cut { device, silent }),
        2 => (device.clone(), any::<bool>()).prop_map(|(device, seeded)| Step::Reload { device, seeded }),
        1 => (device.clone(), millis.clone()).prop_map(|(device, millis)| Step::NetworkLost { device, millis }),
        2 => device.clone().prop_map(|device| Step::CrashAfterCommit { device }),
        2 => (device.clone(), 0..2_000_u32, window())
            .prop_map(|(device, after, window)| Step::Moving { device, after, window }),
        2 => (device.clone(), 1..6_u8, 0..1_500_u32)
            .prop_map(|(device, count, after)| Step::Refuse { device, count, after }),
        1 => (device, millis.clone()).prop_map(|(device, millis)| Step::Slow { device, millis }),
        4 => (0..100_u64, 0..50_u64, 0..2_000_u64, millis.clone())
            .prop_map(|(lost, doubled, spread, millis)| Step::Bus { lost, doubled, spread, millis }),
        1 => millis.clone().prop_map(|millis| Step::StoreDown { millis }),
        1 => millis.prop_map(|millis| Step::Freeze { millis }),
        1 => (1..8_usize).prop_map(|steps| Step::RollBack { steps }),
    ]
}

/// One device that sends much, while sends are refused and connections break: what the order depends on.
fn what_sending_meets() -> impl Strategy<Value = Step> {
    let (device, conversation) = (0, ConversationId(10));
    prop_oneof![
        10 => prop_oneof![6 => Just(1), 1 => 10..30_u8]
            .prop_map(move |count| Step::Send { device, conversation, count }),
        6 => (1..4_u8, 0..400_u32).prop_map(move |(count, after)| Step::Refuse { device, count, after }),
        5 => (300..2_000_u64).prop_map(move |millis| Step::Slow { device, millis }),
        1 => any::<bool>().prop_map(move |silent| Step::Cut { device, silent }),
        1 => any::<bool>().prop_map(move |seeded| Step::Reload { device, seeded }),
        1 => Just(Step::CrashAfterCommit { device }),
        2 => (0..500_u32, window()).prop_map(move |(after, window)| Step::Moving { device, after, window }),
        1 => (100..1_000_u64).prop_map(|millis| Step::StoreDown { millis }),
        1 => Just(Step::Send { device: 1, conversation, count: 2 }),
    ]
}

fn scripts_of(steps: impl Strategy<Value = Vec<(u64, Step)>>) -> impl Strategy<Value = Script> {
    let limits = prop_oneof![7..12_u64, Just(100)];
    let portion = prop_oneof![1..8_usize, Just(100)];
    let flags = (any::<[bool; DEVICES]>(), any::<bool>(), any::<bool>());
    (any::<u64>(), flags, limits, portion, steps).prop_map(
        |(seed, (holds_all, follows_whole, answers_unmoved), range_limit, portion, steps)| Script {
            seed,
            holds_all,
            range_limit,
            portion,
            follows_whole,
            answers_unmoved,
            steps,
        },
    )
}

/// Everything that can happen, in up to `longest` steps.
pub(crate) fn scripts(longest: usize) -> impl Strategy<Value = Script> {
    let pause = prop_oneof![3 => 0..60_u64, 3 => 0..800_u64, 1 => 0..4_000_u64];
    let step = prop_oneof![3 => what_people_do(), 2 => what_breaks()];
    scripts_of(proptest::collection::vec((pause, step), 1..longest))
}

/// Much sending, in up to `longest` steps.
pub(crate) fn sending_scripts(longest: usize) -> impl Strategy<Value = Script> {
    scripts_of(proptest::collection::vec((0..150_u64, what_sending_meets()), 1..longest))
}
