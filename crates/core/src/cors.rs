//! Cross-origin rules: what a browser is told, on preflights and on every real answer.

use crate::headers::Headers;
use crate::headers::value;
use crate::table::{Cors, Table};
use http::header::{self, HeaderValue};

/// The methods a page may use.
pub const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

static ANY: HeaderValue = HeaderValue::from_static("*");

/// Our own headers that a page may read.
static EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-wharf-request-id, x-wharf-provider, x-wharf-attempts, x-wharf-egress, x-wharf-models-missing, \
x-wharf-dropped, x-wharf-estimated, x-request-id, request-id, retry-after",
);

/// Puts the origin headers on an answer to a request that came with `origin`.
pub fn apply(table: &Table, origin: Option<&HeaderValue>, headers: &mut Headers) {
    match &table.cors {
        Cors::Any => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY.clone());
        }
        Cors::Origins(origins) => {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            let Some(origin) = origin else { return };
            if !origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
                return;
            }
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED.clone());
}

/// The headers of the answer to any `OPTIONS`: a preflight's if it is one, else `Allow`.
pub fn options(table: &Table, request: &Headers) -> Headers {
    let mut headers = Headers::new();
    let origin = request.get(header::ORIGIN);
    apply(table, origin, &mut headers);
    if origin.is_none() || !request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        headers.insert(header::ALLOW, HeaderValue::from_static(METHODS));
        return headers;
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    let wanted: Vec<&str> =
        request.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).filter_map(|v| v.to_str().ok()).collect();
    if !wanted.is_empty() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, value(&wanted.join(", ")));
        headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    }
    headers
}
