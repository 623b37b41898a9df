//! The table of error kinds for `docs/errors.md`: status, code and fault from the code, and a sentence for people.

use std::fmt::Write;
use wharf_core::error::{Fault, Kind};

/// Every kind, by status and then as declared.
pub(crate) fn table() -> String {
    let mut kinds = Kind::ALL.to_vec();
    kinds.sort_by_key(|kind| kind.status());
    let mut out = String::from("| status | code | fault | when |\n| --- | --- | --- | --- |\n");
    for kind in kinds {
        let (status, code) = (kind.status(), kind.code());
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {status} | `{code}` | {} | {} |", fault(kind.fault()), when(kind));
    }
    out
}

const fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Client => "caller",
        Fault::Gateway => "gateway",
        Fault::Upstream => "upstream",
    }
}

const fn when(kind: Kind) -> &'static str {
    match kind {
        Kind::Unauthorized => {
            "No API key was sent, or one that this gateway does not know. Has `WWW-Authenticate: Bearer`."
        }
        Kind::ForbiddenOrigin => {
            "No caller key is configured, and `Host` or `Origin` is not loopback. Set `PROXY_API_KEY`, or use `--open`."
        }
        Kind::NotFound => {
            "Nothing is at this path, or a model id that nobody lists. Also a path that is not built yet: the message names the pass-through path."
        }
        Kind::MethodNotAllowed => "Reserved: a wrong method is `not_found` today.",
        Kind::InvalidJson => {
            "The body of a model route is not JSON, not an object, or names `model` twice. The message has the offset."
        }
        Kind::InvalidRequest => {
            "The request can be read and makes no sense, for example a path that climbs above the provider's base URL with `..`."
        }
        Kind::ModelRequired => "`model` is missing, empty, or not a string.",
        Kind::ModelNotFound => {
            "No provider is known for this model name. The message names the providers to choose from."
        }
        Kind::ModelAmbiguous => "Several providers list this bare model name. Write `provider/model`.",
        Kind::UnsupportedEndpoint => {
            "The provider has no such endpoint, in the caller's format or in one that it can be translated to."
        }
        Kind::UnsupportedField => {
            "The provider's format can't say a field of the request that must not be left out, or a field would be lost and `strict` is on. The message names them."
        }
        Kind::ClientGone => "The request's body ended early.",
        Kind::TooLarge => "The body is over the limit (32 MiB by default), decoded size included.",
        Kind::UnsupportedEncoding => {
            "A `Content-Encoding` other than gzip, zstd or identity on a model route."
        }
        Kind::RateLimited => {
            "Reserved: every key of the provider is cooling after a rate limit. Has `retry-after`."
        }
        Kind::NoHealthyKey => "Every key of the provider is cooling, or it has none.",
        Kind::Misconfigured => {
            "Reserved for hosts that cannot refuse to start. The native server exits with 3 instead."
        }
        Kind::Internal => "A bug of the gateway. Please report it with the request id.",
        Kind::Unreachable => {
            "The provider cannot be reached, or broke the connection before there was an answer: connect refused, TLS failure, early close, an unreadable head, an empty stream."
        }
        Kind::Timeout => "The provider did not connect, answer or go on in time.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_row_with_its_code_and_no_broken_cell() {
        let table = table();
        assert_eq!(table.lines().count(), Kind::ALL.len() + 2);
        for kind in Kind::ALL {
            assert_eq!(table.matches(&format!("| {} | `{}` |", kind.status(), kind.code())).count(), 1);
        }
        assert!(table.lines().all(|line| line.matches('|').count() == 5));
    }
}
