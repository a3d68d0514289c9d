//! Who pays for a request.

use std::{fmt, net::IpAddr};

use uuid::Uuid;

/// A client as the limiter tells it from others. By number where it has one: that costs no memory of its own, and no text
/// until Redis is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// By an id.
    Id(Uuid),
    /// By an address.
    Address(IpAddr),
    /// By a text, which becomes part of a key, so keep it short.
    Name(String),
}

/// The client of this text, as [`Display`](fmt::Display) writes it.
impl From<&str> for Client {
    fn from(text: &str) -> Self {
        let id = text.parse().ok().map(Self::Id);
        let known = id.or_else(|| text.parse().ok().map(Self::Address));
        // Another spelling of an id or an address is another text.
        known.filter(|client| client.to_string() == text).unwrap_or_else(|| Self::Name(text.to_owned()))
    }
}

impl From<String> for Client {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Uuid> for Client {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(formatter),
            Self::Address(address) => address.fmt(formatter),
            Self::Name(name) => formatter.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_text() {
        for text in ["01935fcb-6c5b-76e9-acf6-3afcc21a470a", "192.0.2.1", "2001:db8::", "ada", "1", "2001:DB8::"] {
            assert_eq!(Client::from(text).to_string(), text);
        }
        assert_eq!(Client::from("192.0.2.1"), Client::from(IpAddr::from([192, 0, 2, 1])));
        assert_eq!(Client::from("2001:DB8::"), Client::Name("2001:DB8::".into()));
    }
}
