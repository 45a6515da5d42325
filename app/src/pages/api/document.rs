//! The OpenAPI document, read into what the page shows.
//!
//! It reads what our own server generates, and skips what it does not understand: a page with a gap is better than
//! none.

use serde_json::{Map, Value};

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
    fn read(line: &str) -> Option<Self> {
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

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Schemas refer to each other; no example is worth more levels than this.
const DEEPEST: usize = 5;

impl Document {
    /// Reads the document. What is not JSON at all is an empty document.
    #[must_use]
    pub fn read(json: &str) -> Self {
        let root: Value = serde_json::from_str(json).unwrap_or_default();
        Reader { root: &root }.document()
    }
}

struct Reader<'a> {
    root: &'a Value,
}

impl<'a> Reader<'a> {
    fn document(&self) -> Document {
        let mut groups: Vec<Group> = Vec::new();
        for tag in list(&self.root["tags"]) {
            groups.push(Group { name: text(&tag["name"]), description: text(&tag["description"]), ..Group::default() });
        }
        for (path, methods) in object(&self.root["paths"]) {
            for method in METHODS {
                let Some(source) = methods.get(method) else { continue };
                let tag = source["tags"].get(0).map_or_else(|| "other".to_owned(), text);
                let operation = self.operation(path, method, source);
                match groups.iter_mut().find(|group| group.name == tag) {
                    Some(group) => group.operations.push(operation),
                    None => groups.push(Group { name: tag, description: String::new(), operations: vec![operation] }),
                }
            }
        }
        groups.retain(|group| !group.operations.is_empty());
        let schemes = object(&self.root["components"]["securitySchemes"]);
        Document {
            title: text(&self.root["info"]["title"]),
            version: text(&self.root["info"]["version"]),
            description: text(&self.root["info"]["description"]),
            schemes: schemes.map(|(name, scheme)| (name.clone(), scheme_text(scheme))).collect(),
            groups,
            codes: text(&self.root["components"]["schemas"]["Code"]["description"])
                .lines()
                .filter_map(Code::read)
                .collect(),
        }
    }

    fn operation(&self, path: &str, method: &str, source: &'a Value) -> Operation {
        let security = source.get("security").unwrap_or(&self.root["security"]);
        let mut auth: Vec<String> =
            list(security).iter().flat_map(|way| object(way).map(|(name, _)| name.clone())).collect();
        auth.dedup();
        Operation {
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&source["summary"]),
            description: text(&source["description"]),
            auth,
            parameters: list(&source["parameters"]).iter().map(|parameter| self.parameter(parameter)).collect(),
            body: self.body(&source["requestBody"]["content"]),
            answers: object(&source["responses"]).map(|(status, answer)| self.answer(status, answer)).collect(),
        }
    }

    fn parameter(&self, source: &'a Value) -> Parameter {
        Parameter {
            name: text(&source["name"]),
            place: text(&source["in"]),
            kind: self.kind(&source["schema"]),
            required: source["required"].as_bool().unwrap_or(false),
            description: text(&source["description"]),
        }
    }

    fn answer(&self, status: &str, source: &'a Value) -> Answer {
        let source = self.resolve(source);
        Answer {
            status: status.to_owned(),
            description: text(&source["description"]),
            body: self.body(&source["content"]),
        }
    }

    /// The first of the media types that a body may have.
    fn body(&self, content: &'a Value) -> Option<Body> {
        let (media, source) = object(content).next()?;
        let schema = &source["schema"];
        let example = source.get("example").or_else(|| object(&source["examples"]).find_map(|(_, e)| e.get("value")));
        let example = example.cloned().unwrap_or_else(|| self.example(schema, 0));
        Some(Body {
            media: media.clone(),
            fields: self.fields(schema),
            example: if example.is_null() { String::new() } else { pretty(&example) },
        })
    }

    fn fields(&self, schema: &'a Value) -> Vec<Parameter> {
        let schema = self.resolve(schema);
        let required = list(&schema["required"]);
        let field = |(name, source): (&'a String, &'a Value)| Parameter {
            name: name.clone(),
            place: String::new(),
            kind: self.kind(source),
            required: required.iter().any(|required| required == name.as_str()),
            description: text(&source["description"]),
        };
        object(&schema["properties"]).map(field).collect()
    }

    /// A schema's type in a word or two.
    fn kind(&self, schema: &'a Value) -> String {
        if let Some(name) = schema["$ref"].as_str() {
            let target = self.resolve(schema);
            let named = name.rsplit('/').next().unwrap_or(name);
            return if target["type"].is_string() && target["type"] != "object" {
                self.kind(target)
            } else {
                named.to_owned()
            };
        }
        for alternatives in ["oneOf", "anyOf", "allOf"] {
            let kinds: Vec<String> = list(&schema[alternatives]).iter().map(|schema| self.kind(schema)).collect();
            if !kinds.is_empty() {
                return kinds.join(" or ");
            }
        }
        match &schema["type"] {
            Value::String(kind) if kind == "array" => format!("list of {}", self.kind(&schema["items"])),
            Value::String(kind) => match schema["format"].as_str() {
                Some("uuid") => "UUID".to_owned(),
                _ => kind.clone(),
            },
            Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
            _ => "any".to_owned(),
        }
    }

    fn example(&self, schema: &'a Value, depth: usize) -> Value {
        if let Some(example) =
            schema.get("example").or_else(|| schema["examples"].get(0)).or_else(|| schema.get("const"))
        {
            return example.clone();
        }
        if depth > DEEPEST {
            return Value::Null;
        }
        if schema.get("$ref").is_some() {
            return self.example(self.resolve(schema), depth + 1);
        }
        for alternatives in ["oneOf", "anyOf"] {
            let mut choices = list(&schema[alternatives]).iter().filter(|choice| choice["type"] != "null");
            if let Some(choice) = choices.next() {
                return self.example(choice, depth + 1);
            }
        }
        let parts = list(&schema["allOf"]);
        if !parts.is_empty() {
            let objects = parts.iter().filter_map(|part| self.example(part, depth + 1).as_object().cloned());
            return Value::Object(objects.flatten().collect());
        }
        if let Some(choice) = schema["enum"].get(0) {
            return choice.clone();
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str));
        match kind {
            Some("object") => {
                let fields = object(&schema["properties"]);
                Value::Object(fields.map(|(name, field)| (name.clone(), self.example(field, depth + 1))).collect())
            }
            Some("array") => {
                let item = self.example(&schema["items"], depth + 1);
                Value::Array(if item.is_null() { Vec::new() } else { vec![item] })
            }
            Some("string") if schema["format"] == "uuid" => "7f1c9a52-4a0e-4a3e-9d3b-0c2f6f1f7a10".into(),
            Some("string") => "text".into(),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
            Some("boolean") => false.into(),
            _ => Value::Null,
        }
    }

    /// Follows a reference within the document.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..DEEPEST {
            let Some(path) = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) else { break };
            let Some(target) = self.root.pointer(path) else { break };
            schema = target;
        }
        schema
    }
}

fn scheme_text(scheme: &Value) -> String {
    let description = text(&scheme["description"]);
    if !description.is_empty() {
        return description;
    }
    match scheme["type"].as_str() {
        Some("http") => format!("HTTP {} authentication", text(&scheme["scheme"])),
        Some("apiKey") => format!("{} {}", text(&scheme["in"]), text(&scheme["name"])),
        _ => String::new(),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NOTHING).iter()
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
