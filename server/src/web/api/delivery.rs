//! Which way a message took.

use super::document::refusals;
use super::extract::{Authenticated, Path};
use super::problem::Problem;
use super::types::Delivery;
use crate::web::delivery;
use crate::web::state::AppState;
use axum::extract::State;
use trunkline_protocol::{ConversationId, Seq};

refusals! {
    DeliveryRefused: Invalid UnknownConversation NotAMember Forbidden RateLimited;
}

/// Say which way a message took
///
/// For who sent it, as long as they are in the conversation, and for administrators. Whether it has arrived and was read
/// is kept for good; by which nodes and connections, and when, the nodes remember for a while, each for itself. Nodes
/// that did not answer are named. Times are of each node's own clock.
///
/// A user may ask twice a second, and 20 times at once after a pause.
#[utoipa::path(
    get,
    path = "/conversations/{id}/messages/{seq}/delivery",
    operation_id = "get_delivery",
    tag = "Messages",
    params(
        ("id" = u64, Path, description = "The conversation's id.", example = 12),
        ("seq" = u64, Path, description = "The message's seq.", example = 41)
    ),
    responses((status = 200, description = "As far as it is known.", body = Delivery), DeliveryRefused)
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Authenticated,
    Path((id, seq)): Path<(u64, u64)>,
) -> Result<axum::Json<Delivery>, Problem> {
    let message = (ConversationId(id), Seq(seq));
    let delivery = delivery::load(&state, caller.id(), caller.0.admin, message).await?;
    Ok(axum::Json(delivery.into()))
}
