//! Versions as entity tags (RFC 9110, section 8.8.3): version 3 is `"3"`.

use axum::http::{HeaderMap, HeaderValue, header};
use paramedic_service::{ApiError, ProblemKind};

/// The `ETag` of a version.
pub(super) fn of(version: u32) -> [(header::HeaderName, HeaderValue); 1] {
    let tag = HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""));
    [(header::ETAG, tag)]
}

/// Checks `If-Match`, where it is sent, against the version that is stored, and returns the version to insist on.
pub(super) fn expected(headers: &HeaderMap, stored: u32) -> Result<Option<u32>, ApiError> {
    let mut given = headers.get_all(header::IF_MATCH).iter().peekable();
    if given.peek().is_none() {
        return Ok(None);
    }
    let tag = format!("\"{stored}\"");
    let tags = given.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim);
    for sent in tags {
        if sent == "*" {
            return Ok(None);
        }
        if sent == tag {
            return Ok(Some(stored));
        }
    }
    Err(ApiError::new(
        ProblemKind::PreconditionFailed,
        format!("it is at version {stored} (ETag {tag}), which `If-Match` does not name: read it again"),
    ))
}

/// Like [`expected`], where `If-Match` must be sent.
pub(super) fn required(headers: &HeaderMap, stored: u32) -> Result<Option<u32>, ApiError> {
    if headers.contains_key(header::IF_MATCH) {
        return expected(headers, stored);
    }
    Err(ApiError::new(
        ProblemKind::PreconditionRequired,
        "send `If-Match` with the ETag of the version that you read, so that nobody else's change is lost",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stored_version_matches() {
        for (sent, matched) in [
            ("\"3\"", Some(Some(3))),
            ("\"2\", \"3\"", Some(Some(3))),
            ("*", Some(None)),
            ("\"2\"", None),
            ("3", None),
            ("W/\"3\"", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, sent.parse().unwrap());
            assert_eq!(expected(&headers, 3).ok(), matched, "{sent}");
            assert_eq!(required(&headers, 3).ok(), matched, "{sent}");
        }
        assert_eq!(expected(&HeaderMap::new(), 3).ok(), Some(None));
        assert_eq!(required(&HeaderMap::new(), 3).unwrap_err().status(), 428);
    }
}
