//! The one error of the gateway: what happened, whose fault it is, and what to do next.

use crate::time::Millis;
use std::borrow::Cow;

/// What went wrong. Every arm below is exhaustive on purpose: a new kind must say all three things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No credential, or one that we do not know.
    Unauthorized,
    /// An `Origin` or `Host` that is not loopback while no caller key is required.
    ForbiddenOrigin,
    /// No such path, or no such thing behind it.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// A body that is not JSON.
    InvalidJson,
    /// A request that can be read and makes no sense.
    InvalidRequest,
    /// No `model`, or one that is not a string.
    ModelRequired,
    /// A model or provider that nobody offers.
    ModelNotFound,
    /// A bare model name that several providers could mean.
    ModelAmbiguous,
    /// The body is over the limit.
    TooLarge,
    /// A `Content-Encoding` that we do not decode.
    UnsupportedEncoding,
    /// The target cannot be asked for this at all.
    UnsupportedEndpoint,
    /// The target cannot say a field of the request.
    UnsupportedField,
    /// Every key of the pool is cooling, or there is none.
    NoHealthyKey,
    /// Every key of the pool is cooling, all of them rate-limited.
    RateLimited,
    /// Connect refused, TLS failure, early close, garbage.
    Unreachable,
    /// Connect, head or idle time-out.
    Timeout,
    /// The client went away or sent a body that ends early.
    ClientGone,
    /// The configuration is broken (a host that cannot refuse to start shows this).
    Misconfigured,
    /// A bug of ours.
    Internal,
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller's.
    Client,
    /// Ours.
    Gateway,
    /// The provider's.
    Upstream,
}

impl Kind {
    /// Every kind, as declared: what the documentation is made from.
    pub const ALL: &[Self] = &[
        Self::Unauthorized,
        Self::ForbiddenOrigin,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::ModelRequired,
        Self::ModelNotFound,
        Self::ModelAmbiguous,
        Self::TooLarge,
        Self::UnsupportedEncoding,
        Self::UnsupportedEndpoint,
        Self::UnsupportedField,
        Self::NoHealthyKey,
        Self::RateLimited,
        Self::Unreachable,
        Self::Timeout,
        Self::ClientGone,
        Self::Misconfigured,
        Self::Internal,
    ];

    /// The HTTP status that the caller sees.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidJson
            | Self::InvalidRequest
            | Self::ModelRequired
            | Self::ModelNotFound
            | Self::ModelAmbiguous
            | Self::UnsupportedEndpoint
            | Self::UnsupportedField
            | Self::ClientGone => 400,
            Self::Unauthorized => 401,
            Self::ForbiddenOrigin => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooLarge => 413,
            Self::UnsupportedEncoding => 415,
            Self::RateLimited => 429,
            Self::Misconfigured | Self::Internal => 500,
            Self::Unreachable => 502,
            Self::NoHealthyKey => 503,
            Self::Timeout => 504,
        }
    }

    /// The stable code that programs may match on.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "invalid_api_key",
            Self::ForbiddenOrigin => "forbidden_origin",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::InvalidJson => "invalid_json",
            Self::InvalidRequest => "invalid_request",
            Self::ModelRequired => "model_required",
            Self::ModelNotFound => "model_not_found",
            Self::ModelAmbiguous => "model_ambiguous",
            Self::TooLarge => "request_too_large",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::UnsupportedEndpoint => "unsupported_endpoint",
            Self::UnsupportedField => "unsupported_field",
            Self::NoHealthyKey => "no_healthy_key",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "upstream_unreachable",
            Self::Timeout => "upstream_timeout",
            Self::ClientGone => "client_gone",
            Self::Misconfigured => "misconfigured",
            Self::Internal => "internal_error",
        }
    }

    /// Whose fault it is.
    pub const fn fault(self) -> Fault {
        match self {
            Self::Unauthorized
            | Self::ForbiddenOrigin
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::InvalidJson
            | Self::InvalidRequest
            | Self::ModelRequired
            | Self::ModelNotFound
            | Self::ModelAmbiguous
            | Self::TooLarge
            | Self::UnsupportedEncoding
            | Self::UnsupportedEndpoint
            | Self::UnsupportedField
            | Self::ClientGone => Fault::Client,
            Self::NoHealthyKey | Self::Misconfigured | Self::Internal => Fault::Gateway,
            Self::RateLimited | Self::Unreachable | Self::Timeout => Fault::Upstream,
        }
    }
}

/// An error on its way to the caller. The message never holds a credential: it is built from names and numbers of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What happened.
    pub kind: Kind,
    /// One sentence for a person: what, and what to do about it.
    pub message: Cow<'static, str>,
    /// The field that it is about, by its path in the caller's body.
    pub param: Option<String>,
    /// When trying again makes sense, as a length of time.
    pub retry_after: Option<Millis>,
}

impl Error {
    /// An error with its sentence.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), param: None, retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_every_kind_in_order() {
        let places: Vec<usize> = Kind::ALL.iter().map(|kind| *kind as usize).collect();
        assert_eq!(
            places,
            (0..=Kind::Internal as usize).collect::<Vec<_>>(),
            "`Internal` stays the last one"
        );
    }
}
