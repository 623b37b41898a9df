//! The URL of a Redis: read once, and shown without its credentials.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use redis::{Client, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates};
use rustls_pki_types::CertificateDer;
use wharf_core::secret::Secret;

/// Where Redis is, and how to log in. No `Debug`: it holds a password.
#[derive(Clone)]
pub struct Address {
    /// Servers, in the order in which they are tried. Of a cluster a few are enough.
    nodes: Vec<Node>,
    /// For people: without user and password.
    place: String,
    /// What must not be seen: the password, as it is written and as it is meant.
    hidden: Vec<String>,
}

#[derive(Clone)]
struct Node {
    url: String,
    tls: bool,
}

impl Address {
    /// Reads `redis://[[user]:password@]host[:port][,host…][/database]`; `rediss://` is TLS.
    ///
    /// # Errors
    /// What is wrong with it, for people, without a word of the URL.
    pub fn parse(url: &Secret) -> Result<Self, String> {
        const FORM: &str =
            "is not of the form redis://[[user]:password@]host[:port][/database] (rediss:// with TLS)";
        let (scheme, rest) = url.expose().split_once("://").ok_or(FORM)?;
        if rest.contains(['#', '?']) {
            return Err("has a query or a fragment, which have no meaning here".into());
        }
        let (authority, path) =
            rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
        let (login, hosts) =
            authority.rsplit_once('@').map_or(("", authority), |(login, hosts)| (login, hosts));
        let at = if authority.contains('@') { "@" } else { "" };
        let tls = matches!(scheme, "rediss" | "valkeys");
        let mut nodes = Vec::new();
        let mut hidden: Vec<String> =
            login.split_once(':').map(|(_, word)| word.to_owned()).into_iter().collect();
        for host in hosts.split(',') {
            let node = Node { url: format!("{scheme}://{login}{at}{host}/{path}"), tls };
            let info = node.info().map_err(|error| format!("{FORM}: {}", error.category()))?;
            hidden.extend(info.redis_settings().password().map(str::to_owned));
            nodes.push(node);
        }
        hidden.retain(|word| !word.is_empty());
        let place = format!("{scheme}://{hosts}{}{path}", if path.is_empty() { "" } else { "/" });
        Ok(Self { nodes, place, hidden })
    }

    /// For people: where it is.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// A message of someone else's, without the password.
    pub(super) fn hide(&self, text: &str) -> String {
        self.hidden.iter().fold(text.to_owned(), |text, word| text.replace(word, "***"))
    }

    /// One client for each server; `roots` (PEM) are what a server's certificate is checked against.
    pub(super) fn clients(&self, roots: Option<&[u8]>) -> Result<Vec<Client>, RedisError> {
        let client = |node: &Node| match roots {
            Some(roots) if node.tls => Client::build_with_tls(node.info()?, certificates(Some(roots))),
            Some(_) | None => Client::open(node.info()?),
        };
        self.nodes.iter().map(client).collect()
    }

    /// All servers, for a cluster's client.
    pub(super) fn infos(&self) -> Result<Vec<ConnectionInfo>, RedisError> {
        self.nodes.iter().map(Node::info).collect()
    }
}

impl Node {
    fn info(&self) -> Result<ConnectionInfo, RedisError> {
        self.url.as_str().into_connection_info()
    }
}

/// The system's certificates and these, as PEM: what servers are checked against where there are any of our own.
pub(in crate::state) fn pem(own: &[CertificateDer<'_>]) -> Option<Vec<u8>> {
    if own.is_empty() {
        return None;
    }
    let system = rustls_native_certs::load_native_certs().certs;
    let mut text = String::new();
    for certificate in system.iter().chain(own) {
        let body = STANDARD.encode(certificate);
        text.push_str(&format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"));
    }
    Some(text.into_bytes())
}

/// What a server's certificate is checked against.
pub(super) fn certificates(roots: Option<&[u8]>) -> TlsCertificates {
    TlsCertificates { client_tls: None, root_cert: roots.map(<[u8]>::to_vec) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, String> {
        Address::parse(&Secret::new(url))
    }

    #[test]
    fn it_is_shown_without_its_credentials() {
        let address = parse("rediss://user:pa%20ss@one:1,two:2/3").map_err(|why| panic!("{why}")).unwrap();
        assert_eq!(address.place(), "rediss://one:1,two:2/3");
        assert_eq!(address.nodes.len(), 2);
        assert_eq!(address.hide("bad: pa ss, pa%20ss"), "bad: ***, ***");
        assert_eq!(parse("redis://:p@ss@host").map(|address| address.place).unwrap(), "redis://host");
        assert_eq!(parse("redis://host").map(|address| address.place).unwrap(), "redis://host");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        for url in [
            "redis://",
            "redis://u:hush@h:port",
            "redis://:hush@h/db",
            "redis://:hush@h,,g",
            "rediss://:hush@h#insecure",
            "redis://:hush@h?protocol=3",
        ] {
            let why = parse(url).map(|_| ()).unwrap_err();
            assert!(!why.contains("hush") && !why.contains("://:"), "{url}: {why}");
        }
    }
}
