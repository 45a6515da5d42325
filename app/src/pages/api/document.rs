//! The OpenAPI document as the page shows it. `reader` makes it from the JSON.

use super::reader::Reader;
use serde_json::Value;

/// The document.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The API's name.
    pub title: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// How a caller shows who they are: name and description of each way.
    pub schemes: Vec<(String, String)>,
    /// The operations, by tag.
    pub groups: Vec<Group>,
    /// Why something may be refused.
    pub codes: Vec<Code>,
}

/// One reason of a refusal.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// What a program goes by.
    pub name: String,
    /// The HTTP status.
    pub status: String,
    /// What it means.
    pub meaning: String,
}

impl Code {
    /// Reads a line of the list in the schema's description: "- `name` (status): meaning".
    pub(super) fn read(line: &str) -> Option<Self> {
        let (name, rest) = line.strip_prefix("- `")?.split_once("` (")?;
        let (status, meaning) = rest.split_once("): ")?;
        Some(Self { name: name.to_owned(), status: status.to_owned(), meaning: meaning.to_owned() })
    }
}

/// Operations with the same tag.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The tag.
    pub name: String,
    /// What they have in common.
    pub description: String,
    /// They.
    pub operations: Vec<Operation>,
}

/// One method of one path.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// In capitals.
    pub method: String,
    /// With its parameters in braces.
    pub path: String,
    /// One line.
    pub summary: String,
    /// More.
    pub description: String,
    /// The ways to show who one is; empty if anyone may.
    pub auth: Vec<String>,
    /// What stands in the path and query.
    pub parameters: Vec<Parameter>,
    /// What is sent.
    pub body: Option<Body>,
    /// What comes back, by status.
    pub answers: Vec<Answer>,
}

/// A part of the path or query, or a field of a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// What it is called.
    pub name: String,
    /// `path`, `query`, or empty for a field.
    pub place: String,
    /// Its type in a word or two.
    pub kind: String,
    /// Whether it may be left out.
    pub required: bool,
    /// What it means.
    pub description: String,
}

/// What is sent or comes back.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// Its media type.
    pub media: String,
    /// The fields of the object, if it is one.
    pub fields: Vec<Parameter>,
    /// How one may look.
    pub example: String,
}

/// One way in which a request may end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: String,
    /// When.
    pub description: String,
    /// What comes with it.
    pub body: Option<Body>,
}

impl Document {
    /// Reads the document. What is not JSON at all is an empty document.
    #[must_use]
    pub fn read(json: &str) -> Self {
        let root: Value = serde_json::from_str(json).unwrap_or_default();
        Reader::of(&root).document()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r##"{
        "openapi": "3.1.0",
        "info": {"title": "Trunkline", "version": "0.1.0"},
        "tags": [{"name": "messages", "description": "Sending."}, {"name": "unused"}],
        "security": [{"cookie": []}, {"token": []}],
        "paths": {
            "/api/v1/messages": {
                "post": {
                    "tags": ["messages"],
                    "summary": "Send a message",
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Outgoing"}}}},
                    "responses": {
                        "201": {"description": "Stored.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ack"}}}},
                        "422": {"description": "`empty_message`"}
                    }
                }
            },
            "/healthz": {"get": {"security": [], "responses": {}}}
        },
        "components": {
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
                "token": {"type": "http", "scheme": "bearer", "description": "An access token."}
            },
            "schemas": {
                "Code": {"type": "string", "description": "Why.\n\n- `rate_limited` (429): Too fast\n- `internal` (500): A defect"},
                "Seq": {"type": "integer", "minimum": 0},
                "Ack": {"type": "object", "properties": {"seq": {"$ref": "#/components/schemas/Seq"}}},
                "Outgoing": {
                    "type": "object",
                    "required": ["text"],
                    "properties": {
                        "text": {"type": "string", "description": "What.", "examples": ["Hello"]},
                        "to": {"type": ["string", "null"]},
                        "key": {"oneOf": [{"type": "null"}, {"type": "string", "format": "uuid"}]}
                    }
                }
            }
        }
    }"##;

    #[test]
    fn operations_are_grouped_by_tag_in_the_documents_order() {
        let document = Document::read(SAMPLE);
        let names: Vec<_> = document.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["messages", "other"]);
        assert_eq!(document.groups[0].description, "Sending.");
        assert_eq!(document.groups[0].operations[0].method, "POST");
    }

    #[test]
    fn every_code_is_read_from_the_documents_own_list() {
        let codes = Document::read(SAMPLE).codes;
        let read = codes.iter().map(|code| (code.name.as_str(), code.status.as_str(), code.meaning.as_str()));
        let codes: Vec<_> = read.collect();
        assert_eq!(codes, [("rate_limited", "429", "Too fast"), ("internal", "500", "A defect")]);
    }

    #[test]
    fn the_ways_to_show_who_one_is_come_from_the_operation_or_the_document() {
        let document = Document::read(SAMPLE);
        assert_eq!(document.groups[0].operations[0].auth, ["cookie", "token"]);
        assert!(document.groups[1].operations[0].auth.is_empty());
        assert_eq!(document.schemes[0].1, "cookie session");
        assert_eq!(document.schemes[1].1, "An access token.");
    }

    #[test]
    fn a_body_shows_its_fields_and_an_example() {
        let document = Document::read(SAMPLE);
        let body = document.groups[0].operations[0].body.as_ref().map(|body| (&body.fields, &body.example));
        let Some((fields, example)) = body else { panic!("no body") };
        let text = fields.iter().find(|field| field.name == "text").map(|field| (field.required, field.kind.as_str()));
        assert_eq!(text, Some((true, "string")));
        let to = fields.iter().find(|field| field.name == "to").map(|field| (field.required, field.kind.as_str()));
        assert_eq!(to, Some((false, "string or null")));
        let example: Value = serde_json::from_str(example).unwrap_or_default();
        assert_eq!(example["text"], "Hello");
        assert_eq!(example["key"], "7f1c9a52-4a0e-4a3e-9d3b-0c2f6f1f7a10");
    }

    #[test]
    fn references_are_followed_in_answers() {
        let document = Document::read(SAMPLE);
        let answers = &document.groups[0].operations[0].answers;
        assert_eq!(answers[0].body.as_ref().map(|body| body.fields[0].kind.as_str()), Some("integer"));
        assert_eq!(answers[1].body, None);
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let json = r##"{"paths": {"/x": {"get": {"responses": {"200": {"description": "", "content":
            {"application/json": {"schema": {"$ref": "#/components/schemas/Tree"}}}}}}}},
            "components": {"schemas": {"Tree": {"type": "object", "properties":
            {"child": {"$ref": "#/components/schemas/Tree"}}}}}}"##;
        assert_eq!(Document::read(json).groups[0].operations.len(), 1);
    }

    #[test]
    fn what_is_no_document_is_an_empty_one() {
        assert_eq!(Document::read("nonsense"), Document::default());
    }
}
