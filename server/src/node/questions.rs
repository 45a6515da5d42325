//! Questions that a node asks all others over the bus, and their answers: for people who look, never for what has to
//! work. Who does not answer in time is named as such.
//!
//! A node of the version before does not know the question, and so does not answer.

use super::Node;
use super::rate::{Rate, Rates};
use super::status::Status;
use super::trace::Found;
use crate::bus::{
    Destination,
    envelope::{Envelope, Signal},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use trunkline_protocol::{ConversationId, Millis, NodeId, Seq, UserId};

/// How long answers are waited for: far longer than a node that is well needs, and short for somebody who looks.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long the registry may take to say which nodes there are.
const NODES_WITHIN: Duration = Duration::from_millis(500);
/// Answers to one question that may wait: more than there are nodes.
const ANSWERS: usize = 256;
/// Questions of this node that may be open. Who comes beyond gets this node's own answer.
const OPEN: usize = 64;
/// Answers that this node works on at once: each may cost three milliseconds. Further questions go unanswered.
const AT_WORK: usize = 8;
/// Looks of one user: a page that refreshes itself every few seconds, and some clicks.
const LOOKS: Rate = Rate { per_second: 2, burst: 20 };

/// What one node asks another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Question {
    /// What do you remember of this message?
    Trace {
        /// Where.
        conversation: ConversationId,
        /// Which.
        seq: Seq,
        /// When it was taken in.
        at: Millis,
    },
    /// How are you?
    Status {},
    /// A question of a later version; it goes unanswered.
    #[serde(other)]
    Unknown,
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Answer {
    /// What it remembers of a message.
    Trace(Found),
    /// How it is.
    Status(Status),
    /// An answer of a later version.
    #[serde(other)]
    Unknown,
}

/// What all nodes had to say.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Each node that is known, this one included; `None` for one that did not answer.
    pub nodes: BTreeMap<NodeId, Option<Answer>>,
    /// Whether there may be nodes that are not named: the registry did not say which there are.
    pub incomplete: bool,
}

/// The questions that this node has open, and its work on those of others.
#[derive(Debug)]
pub(super) struct Questions {
    next: AtomicU64,
    open: Mutex<HashMap<u64, mpsc::Sender<(NodeId, Answer)>>>,
    at_work: Arc<Semaphore>,
    looks: Rates,
}

impl Default for Questions {
    fn default() -> Self {
        Self {
            next: AtomicU64::new(1),
            open: Mutex::default(),
            at_work: Arc::new(Semaphore::new(AT_WORK)),
            looks: Rates::new(LOOKS),
        }
    }
}

impl Questions {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<(NodeId, Answer)>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a question, unless too many are.
    fn begin(&self) -> Option<(Asking<'_>, mpsc::Receiver<(NodeId, Answer)>)> {
        let mut open = self.open();
        if open.len() >= OPEN {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (answers, answered) = mpsc::channel(ANSWERS);
        open.insert(number, answers);
        Some((Asking { questions: self, number }, answered))
    }
}

/// An open question; closed when dropped, also when who asked has gone.
struct Asking<'a> {
    questions: &'a Questions,
    number: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.questions.open().remove(&self.number);
    }
}

impl Node {
    /// Counts a question to all nodes against the rate of who has it asked.
    ///
    /// # Errors
    /// The time to wait.
    pub fn admit_look(&self, user: UserId) -> Result<(), Duration> {
        self.questions.looks.take(user, Instant::now())
    }

    /// Asks every node, this one included, and waits until all have answered, for two seconds at most.
    pub async fn ask_all(&self, question: Question) -> Answers {
        let here = self.id();
        let mut answers = Answers::default();
        answers.nodes.insert(here, self.answer(&question).await);
        if self.bus.is_alone() {
            return answers;
        }
        let Some((asking, answered)) = self.questions.begin() else {
            answers.incomplete = true;
            return answers;
        };
        let until = Instant::now() + ANSWER_WITHIN;
        let asked = Signal::Asked { node: here, number: asking.number, question };
        self.bus.publish(Destination::All, Envelope::Signal(asked).encode());
        match timeout(NODES_WITHIN, self.registry.nodes()).await {
            Ok(Ok(living)) => {
                answers.nodes.extend(living.into_iter().filter(|&node| node != here).map(|id| (id, None)))
            }
            Ok(Err(_)) | Err(_) => answers.incomplete = true,
        }
        collect(&mut answers, answered, until).await;
        answers
    }

    /// Answers another node's question, beside whatever else it does.
    pub(super) fn take_question(self: &Arc<Self>, from: NodeId, number: u64, question: Question) {
        // One's own comes back from a broadcast; it was answered when it was asked.
        if from == self.id() {
            return;
        }
        let Ok(working) = self.questions.at_work.clone().try_acquire_owned() else {
            tracing::debug!(node.from = %from, "left a question unanswered: there are too many");
            return;
        };
        let node = self.clone();
        self.spawn_droppable(async move {
            if let Some(answer) = node.answer(&question).await {
                let answered = Signal::Answered { node: node.id(), number, answer };
                node.bus.publish(Destination::Nodes(&[from]), Envelope::Signal(answered).encode());
            }
            drop(working);
        });
    }

    /// Takes another node's answer. One that comes too late is dropped.
    pub(super) fn take_answer(&self, from: NodeId, number: u64, answer: Answer) {
        if let Some(waiting) = self.questions.open().get(&number) {
            // Full: somebody answers more often than asked.
            let _ = waiting.try_send((from, answer));
        }
    }

    async fn answer(&self, question: &Question) -> Option<Answer> {
        match *question {
            Question::Trace { conversation, seq, at } => {
                let trace = self.trace.clone();
                let search = tokio::task::spawn_blocking(move || trace.find(conversation, seq, at));
                search.await.ok().map(Answer::Trace)
            }
            Question::Status {} => Some(Answer::Status(self.status())),
            Question::Unknown => None,
        }
    }
}

/// Takes answers until every known node has given one, or the time is over.
async fn collect(answers: &mut Answers, mut answered: mpsc::Receiver<(NodeId, Answer)>, until: Instant) {
    let missing = answers.nodes.iter().filter(|(_, answer)| answer.is_none()).map(|(&node, _)| node);
    let mut missing: BTreeSet<NodeId> = missing.collect();
    while answers.incomplete || !missing.is_empty() {
        let Ok(Some((node, answer))) = timeout_at(until, answered.recv()).await else { return };
        if answer != Answer::Unknown {
            missing.remove(&node);
            answers.nodes.insert(node, Some(answer));
        }
    }
}
