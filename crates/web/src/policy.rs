//! What a browser is told of every answer, and what is asked of where a form comes from.
//!
//! OWASP ASVS 5.0 §3.4, §3.5; Content Security Policy level 3; Fetch Metadata.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::visit::{Site, is_https};

/// Nothing but our own files; no inline script or style; scripts cannot turn text into markup. What was stopped is told
/// to the bank: by `report-uri`, which every browser knows, since one that is told of `report-to` as well goes by that alone.
const CONTENT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'; report-uri /v1/csp_reports",
);

/// Nothing that a bank's page needs, but security keys on our own pages.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), \
     publickey-credentials-get=(self), publickey-credentials-create=(self)",
);

const FIXED: [(HeaderName, HeaderValue); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Not `no-referrer`: with that browsers send our own forms with `Origin: null`.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
];

/// Two years, as browsers' preload lists ask for.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains; preload");

pub fn put(site: &Site, headers: &mut HeaderMap) {
    headers.extend(FIXED);
    if is_https(site) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

/// Whether a form comes from a page of ours, as far as the browser says. One that says nothing is not refused
/// here; the form's token is what it has to have.
pub fn is_from_own_page(site: &Site, parts: &Parts) -> bool {
    let said = |name: &str| parts.headers.get(name).map(HeaderValue::as_bytes);
    let site_is_right = matches!(said("sec-fetch-site"), None | Some(b"same-origin"));
    let own = own_origin(site, parts);
    site_is_right && said("origin").is_none_or(|origin| origin == own.as_bytes())
}

/// Whether a page may be read from where the browser says: by a visit from anywhere, and by a script or a picture of
/// our own pages only. What is read may leave a trace under its reader's name, as a search does.
pub fn may_read(headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    matches!(said("sec-fetch-site"), None | Some(b"same-origin" | b"none"))
        || said("sec-fetch-mode") == Some(b"navigate")
}

/// The configured one, the operators' on their host; on this machine any of its names and ports, since a demo may be
/// asked for by either.
fn own_origin(site: &Site, parts: &Parts) -> String {
    let url = &site.settings.public_url;
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
    if let Some(console) = &site.settings.console_url
        && let Some((_, authority)) = console.split_once("://")
        && host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
    {
        return console.clone();
    }
    match (url.strip_prefix("http://"), host) {
        (Some(ours), Some(host)) if is_loopback(ours) && is_loopback(host) => {
            format!("http://{host}")
        }
        _ => url.clone(),
    }
}

/// Of `host` or `host:port`.
fn is_loopback(authority: &str) -> bool {
    let uri: Result<http::uri::Authority, _> = authority.parse();
    let Ok(uri) = uri else { return false };
    let host = uri.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
