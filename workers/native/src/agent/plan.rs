//! The plan: a tool that does nothing but show people what the model is up to.

use acp::schema::{Plan, PlanEntry, PlanEntryPriority, PlanEntryStatus, SessionUpdate};
use agent_client_protocol::v1 as acp;
use serde::Deserialize;
use serde_json::json;

use crate::tools::ToolSpec;

/// The tool's name.
pub(crate) const UPDATE_PLAN: &str = "update_plan";

#[derive(Deserialize)]
struct Arguments {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    step: String,
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    InProgress,
    Completed,
}

/// The tool as the model sees it.
pub(crate) fn spec() -> ToolSpec {
    ToolSpec {
        name: UPDATE_PLAN,
        description: "Shows the user your plan for work of several steps. Give all steps each time, with their \
                      status; at most one is in_progress. Skip it for simple requests.",
        parameters: json!({
            "type": "object",
            "properties": {
                "steps": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "step": { "type": "string", "description": "What is done, in a few words." },
                            "status": { "type": "string", "enum": ["pending", "in_progress", "completed"] },
                        },
                        "required": ["step", "status"],
                        "additionalProperties": false,
                    },
                },
            },
            "required": ["steps"],
            "additionalProperties": false,
        }),
    }
}

/// The plan as the client sees it. `Err` is what the model is told.
pub(crate) fn read(arguments: &str) -> Result<SessionUpdate, String> {
    let arguments: Arguments = serde_json::from_str(arguments)
        .map_err(|error| format!("the arguments of {UPDATE_PLAN} are wrong: {error}"))?;
    let entry = |step: Step| {
        let status = match step.status {
            Status::Pending => PlanEntryStatus::Pending,
            Status::InProgress => PlanEntryStatus::InProgress,
            Status::Completed => PlanEntryStatus::Completed,
        };
        PlanEntry::new(step.step, PlanEntryPriority::Medium, status)
    };
    let entries = arguments.steps.into_iter().map(entry).collect();
    Ok(SessionUpdate::Plan(Plan::new(entries)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_shown_with_its_steps_and_a_wrong_one_is_told_to_the_model() {
        let plan =
            read(r#"{"steps":[{"step":"look","status":"completed"},{"step":"fix","status":"pending"}]}"#);
        let plan = serde_json::to_value(plan.unwrap()).unwrap();
        assert_eq!(plan["sessionUpdate"], "plan");
        assert_eq!(plan["entries"][0]["content"], "look");
        assert_eq!(plan["entries"][0]["status"], "completed");
        assert_eq!(plan["entries"][1]["status"], "pending");
        for wrong in ["", "{}", r#"{"steps":[{"step":"x","status":"maybe"}]}"#] {
            assert!(read(wrong).unwrap_err().contains("update_plan"), "{wrong}");
        }
    }
}
