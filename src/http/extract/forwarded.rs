//! The hops of a request as proxies report them, nearest first: `X-Forwarded-For` and `Forwarded` (RFC 7239).
//!
//! A client can write these fields too, so each entry is only a claim. Lines are read from the last to the first, and a line
//! that cannot be parsed is one unusable claim. So a quote that a client leaves open does not swallow the line of a proxy,
//! and an entry that a proxy appends to a broken line is not believed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, header};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// One hop: the address it names, or `None` for what names none (`unknown`, `_hidden`, nonsense).
pub(super) type Hop = Option<IpAddr>;

/// The hops of `X-Forwarded-For`, nearest first; `None` without the field.
pub(super) fn x_forwarded_for(headers: &HeaderMap) -> Option<Vec<Hop>> {
    lines(headers, &X_FORWARDED_FOR, |line| line.rsplit(',').map(node).collect())
}

/// The hops of `Forwarded`, nearest first; `None` without the field.
pub(super) fn forwarded(headers: &HeaderMap) -> Option<Vec<Hop>> {
    lines(headers, &header::FORWARDED, forwarded_line)
}

fn lines(headers: &HeaderMap, name: &HeaderName, read: impl Fn(&str) -> Vec<Hop>) -> Option<Vec<Hop>> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    if lines.is_empty() {
        return None;
    }
    let hops = lines.iter().rev().flat_map(|line| line.to_str().map_or_else(|_| vec![None], &read));
    Some(hops.collect())
}

/// A line of `Forwarded`: elements between commas, pairs between semicolons, values that may be quoted.
fn forwarded_line(line: &str) -> Vec<Hop> {
    let Some(elements) = split_unquoted(line, ',') else { return vec![None] };
    elements.into_iter().rev().map(forwarded_element).collect()
}

fn forwarded_element(element: &str) -> Hop {
    let mut claims = split_unquoted(element, ';')?
        .into_iter()
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = claims.next()?;
    if claims.next().is_some() {
        return None;
    }
    node(&unquote(value.trim())?)
}

/// Splits outside of quotes; `None` if a quote stays open.
fn split_unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if character == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

/// The text of a token or a quoted string.
fn unquote(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else { return Some(value.to_owned()) };
    let mut characters = quoted.strip_suffix('"')?.chars();
    let mut text = String::new();
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next()? } else { character });
    }
    Some(text)
}

/// An address, with or without a port, IPv6 with or without brackets.
fn node(text: &str) -> Hop {
    let text = text.trim();
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = bracketed {
        return address.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    // RFC 7239 has ports that are hidden, too: "192.0.2.43:_gazonk".
    let (address, port) = text.rsplit_once(':')?;
    port.strip_prefix('_')?;
    match address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => address.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn nodes() {
        for (text, expected) in [
            ("192.0.2.1", Some(address("192.0.2.1"))),
            (" 192.0.2.1:4711 ", Some(address("192.0.2.1"))),
            ("192.0.2.1:_port", Some(address("192.0.2.1"))),
            ("2001:db8::1", Some(address("2001:db8::1"))),
            ("[2001:db8::1]", Some(address("2001:db8::1"))),
            ("[2001:db8::1]:4711", Some(address("2001:db8::1"))),
            ("[2001:db8::1]:_port", Some(address("2001:db8::1"))),
            ("unknown", None),
            ("_hidden", None),
            ("", None),
            ("192.0.2.256", None),
            ("192.0.2.1:99999", None),
            ("example.org", None),
        ] {
            assert_eq!(node(text), expected, "{text}");
        }
    }

    #[test]
    fn forwarded_lines_are_read_nearest_hop_first() {
        for (line, expected) in [
            ("for=192.0.2.1", vec![Some(address("192.0.2.1"))]),
            (
                "For=\"[2001:db8::1]:80\";proto=http;by=203.0.113.4, for=192.0.2.1",
                vec![Some(address("192.0.2.1")), Some(address("2001:db8::1"))],
            ),
            ("for=\"192.0.2.\\1\"", vec![Some(address("192.0.2.1"))]),
            ("for=_hidden, for=unknown", vec![None, None]),
            ("by=\"a,b;for=192.0.2.9\";for=192.0.2.1", vec![Some(address("192.0.2.1"))]),
            ("proto=https", vec![None]),
            ("for=192.0.2.1;for=192.0.2.2", vec![None]),
            ("for=\"192.0.2.9, for=192.0.2.1", vec![None]),
        ] {
            assert_eq!(forwarded_line(line), expected, "{line}");
        }
    }
}
