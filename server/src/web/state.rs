//! What handlers share.

use crate::auth::accounts::Accounts;
use crate::config::Config;
use crate::node::Node;
use leptos::config::LeptosOptions;
use std::sync::Arc;

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The node.
    pub node: Arc<Node>,
    /// The doors of the house.
    pub accounts: Arc<Accounts>,
    /// The checked configuration.
    pub config: Arc<Config>,
    /// What Leptos wants to know.
    pub leptos: LeptosOptions,
}
