//! Extractors that refuse what is wrong and name each place by a JSON pointer.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{StatusCode, header, request::Parts},
};
use paramedic_domain::{Validate, Violation, validation::escape_pointer_token};
use serde::de::{DeserializeOwned, IgnoredAny};
use url::form_urlencoded;

use crate::error::{ApiError, ProblemKind};

/// A JSON body, deserialized and validated. Malformed JSON is 400, an unknown field, a wrong type or a violation 422,
/// a body over the limit 413, another content type 415.
#[derive(Clone, Debug)]
pub struct ValidJson<T>(pub T);

impl<T: DeserializeOwned + Validate, S: Send + Sync> FromRequest<S> for ValidJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        check_content_type(&request)?;
        let body = read_body(request, state).await?;
        parse_json(&body).and_then(validated).map(Self)
    }
}

/// A JSON body as it came, for handlers that read it in place; [`valid_json`] reads it otherwise.
#[derive(Clone, Debug)]
pub struct JsonBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        check_content_type(&request)?;
        read_body(request, state).await.map(Self)
    }
}

/// Reads and validates a body as [`ValidJson`] does.
pub fn valid_json<T: DeserializeOwned + Validate>(body: &[u8]) -> Result<T, ApiError> {
    parse_json(body).and_then(validated)
}

/// Like [`ValidJson`], for routes that need no body: an empty one is the default.
#[derive(Clone, Debug)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Validate + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let typed = check_content_type(&request);
        let body = read_body(request, state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        typed?;
        parse_json(&body).and_then(validated).map(Self)
    }
}

/// A query string, deserialized and validated; every mistake is 422. A parameter without a value counts as absent.
/// The type must be flat: texts, numbers, `Option`s of them.
#[derive(Clone, Debug)]
pub struct ValidQuery<T>(pub T);

impl<T: DeserializeOwned + Validate, S: Send + Sync> FromRequestParts<S> for ValidQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parse_query(parts.uri.query().unwrap_or_default()).and_then(validated).map(Self)
    }
}

/// Path parameters. One that does not parse names nothing: 404.
#[derive(Clone, Debug)]
pub struct ValidPath<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ValidPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::not_found(rejection.body_text())),
        }
    }
}

fn check_content_type(request: &Request) -> Result<(), ApiError> {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json =
        media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    if json {
        return Ok(());
    }
    let given = if value.is_empty() { "none" } else { value };
    Err(ApiError::new(
        ProblemKind::UnsupportedMediaType,
        format!("send `Content-Type: application/json`; the request's is {given}"),
    ))
}

async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        let kind = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ProblemKind::TooLarge,
            _ => ProblemKind::MalformedJson,
        };
        ApiError::new(kind, format!("the body could not be read: {}", rejection.body_text()))
    })
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        json_error(error.inner(), pointer, body)
    })?;
    deserializer.end().map_err(|error| json_error(&error, String::new(), body))?;
    Ok(value)
}

fn json_error(error: &serde_json::Error, pointer: String, body: &[u8]) -> ApiError {
    if !error.is_data() {
        return ApiError::new(ProblemKind::MalformedJson, error.to_string());
    }
    // The field may be wrong only because the rest is no JSON: then that is what to say.
    match serde_json::from_slice::<IgnoredAny>(body) {
        Err(error) => ApiError::new(ProblemKind::MalformedJson, error.to_string()),
        Ok(_) => ApiError::invalid(vec![Violation::at(pointer, error.to_string())]),
    }
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let mut given = form_urlencoded::Serializer::new(String::new());
    given.extend_pairs(form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()));
    let given = given.finish();
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(given.as_bytes()));
    serde_path_to_error::deserialize(deserializer)
        .map_err(|error| ApiError::invalid(vec![Violation::at(pointer(error.path()), error.inner().to_string())]))
}

fn validated<T: Validate>(value: T) -> Result<T, ApiError> {
    let violations = value.violations();
    if violations.is_empty() { Ok(value) } else { Err(ApiError::invalid(violations)) }
}

/// The path as an RFC 6901 pointer.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escape_pointer_token(key),
            Segment::Enum { variant } => escape_pointer_token(variant),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&token);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use paramedic_domain::OutcomeReport;

    use super::*;
    use crate::query::FailureQuery;

    fn refused(body: &str) -> (u16, Vec<Violation>) {
        let error = parse_json::<OutcomeReport>(body.as_bytes()).unwrap_err();
        (error.problem().status, error.problem().errors.clone())
    }

    const JOB: &str = r#"{"scheduler":"s","workflow":"w","job":"j","run":"r","attempt":1}"#;

    #[test]
    fn what_is_no_json_is_malformed_and_names_no_field() {
        for body in ["", "{", "not json", r#"{"job": 1e999}"#, "[1,]", "\u{0}"] {
            assert_eq!(refused(body), (400, vec![]), "{body:?}");
        }
    }

    #[test]
    fn an_unknown_field_and_a_wrong_type_are_named_by_a_pointer() {
        let (status, errors) = refused(&format!(r#"{{"job":{JOB},"config":{{}},"status":"failed","cost":1}}"#));
        assert_eq!((status, errors[0].pointer.as_str()), (422, "/cost"));
        let (status, errors) = refused(&format!(r#"{{"job":{JOB},"config":{{"a/b":1}},"status":"failed"}}"#));
        assert_eq!((status, errors[0].pointer.as_str()), (422, "/config/a~1b"));
        let (status, errors) = refused(r#"{"job":{"scheduler":"s","typo":1},"config":{},"status":"failed"}"#);
        assert_eq!((status, errors[0].pointer.as_str()), (422, "/job/typo"));
    }

    #[test]
    fn what_follows_the_document_is_refused() {
        let body = format!(r#"{{"job":{JOB},"config":{{}},"status":"failed"}} {{}}"#);
        assert_eq!(refused(&body).0, 400);
    }

    #[test]
    fn a_query_parameter_without_a_value_is_absent_and_a_wrong_one_is_named() {
        let query: FailureQuery = parse_query("workflow=&limit=5&job=a%26b").unwrap();
        assert_eq!((query.workflow, query.limit, query.job.as_deref()), (None, Some(5), Some("a&b")));
        for (text, pointer) in [("limit=many", "/limit"), ("limmit=5", "/limmit"), ("category=nonsense", "/category")] {
            let error = parse_query::<FailureQuery>(text).unwrap_err();
            assert_eq!(error.problem().errors[0].pointer, pointer, "{text}");
        }
    }
}
