//! Values that their key gives away, and secrets with a shape of their own: name, line, and the line
//! as it must be written.

use super::tests::Row;

pub(super) const ROWS: &[&[Row]] = &[PASSWORDS, HEADERS, KEYS_AND_TOKENS, PLACES];

const PASSWORDS: &[Row] = &[
    (
        "field",
        "level=info password=hunter2 status=200",
        "level=info password=[redacted:password] status=200",
    ),
    ("last field", "password=hunter2", "password=[redacted:password]"),
    ("quoted field", r#"password="hun ter2" x=1"#, r#"password="[redacted:password]" x=1"#),
    ("single quotes", "password='hun ter2' x=1", "password='[redacted:password]' x=1"),
    ("spaced sign", "password = hunter2", "password = [redacted:password]"),
    ("arrow", r#""password" => "hunter2""#, r#""password" => "[redacted:password]""#),
    (
        "JSON",
        r#"{"a":1,"password":"hunter2","x":1}"#,
        r#"{"a":1,"password":"[redacted:password]","x":1}"#,
    ),
    (
        "JSON escaped quote",
        r#"{"password":"hun\"ter2","x":1}"#,
        r#"{"password":"[redacted:password]","x":1}"#,
    ),
    (
        "JSON final backslash",
        r#"{"password":"hunter\\","x":"y"}"#,
        r#"{"password":"[redacted:password]","x":"y"}"#,
    ),
    (
        "JSON unicode quote",
        r#"{"password":"hun\u0022ter2","x":1}"#,
        r#"{"password":"[redacted:password]","x":1}"#,
    ),
    ("JSON number", r#"{"password":12345678}"#, r#"{"password":"[redacted:password]"}"#),
    (
        "JSON object",
        r#"{"password":{"value":"hunt}er2"},"x":1}"#,
        r#"{"password":"[redacted:password]","x":1}"#,
    ),
    (
        "JSON in a string",
        r#"{"body":"{\"password\":\"hun\\\"ter2\",\"x\":1}"}"#,
        r#"{"body":"{\"password\":\"[redacted:password]\",\"x\":1}"}"#,
    ),
    (
        "JSON in a string in a string",
        r#""{\"b\":\"{\\\"password\\\":\\\"hunter2\\\",\\\"x\\\":1}\"}""#,
        r#""{\"b\":\"{\\\"password\\\":\\\"[redacted:password]\\\",\\\"x\\\":1}\"}""#,
    ),
    (
        "JSON with escaped quotes",
        r"{\u0022password\u0022:\u0022hunter2\u0022,\u0022x\u0022:1}",
        r"{\u0022password\u0022:\u0022[redacted:password]\u0022,\u0022x\u0022:1}",
    ),
    ("JSON cut off", r#"{"password":"hunt"#, r#"{"password":"[redacted:password]"#),
    (
        "form",
        "email=a%40b.c&password=hun%26ter2&x=1",
        "email=a%40b.c&password=[redacted:password]&x=1",
    ),
    ("form space", "password=hun%20ter+2&x=1", "password=[redacted:password]&x=1"),
    (
        "form array",
        "user[password]=hunter2&user[name]=x",
        "user[password]=[redacted:password]&user[name]=x",
    ),
    (
        "form encoded",
        "u=%3Fpassword%3Dhunter2%26x%3D1",
        "u=%3Fpassword%3D[redacted:password]%26x%3D1",
    ),
    (
        "JSON percent-encoded",
        "%7B%22password%22%3A%22hunter2%22%7D",
        "%7B%22password%22%3A%22[redacted:password]%22%7D",
    ),
    ("key with escapes", "p%61ssword=hunter2", "p%61ssword=[redacted:password]"),
    (
        "Debug",
        r#"Login { password: "hunter2", n: 1 }"#,
        r#"Login { password: "[redacted:password]", n: 1 }"#,
    ),
    (
        "Debug Some",
        r#"password: Some("hunter2"), n: 1"#,
        r#"password: Some("[redacted:password]"), n: 1"#,
    ),
    ("Debug struct", r#"password: Pw { v: "x}y" }, n: 1"#, "password: [redacted:password], n: 1"),
    (
        "Debug Value",
        r#""password": String("hunter2")"#,
        r#""password": String("[redacted:password]")"#,
    ),
    ("Debug bytes", r#"password: b"hunter2""#, r#"password: b"[redacted:password]""#),
    ("variant", r#"InvalidPassword("hunter2")"#, r#"InvalidPassword("[redacted:password]")"#),
    (
        "pairs",
        r#"[("password", "hunter2"), ("x", "y")]"#,
        r#"[("password", "[redacted:password]"), ("x", "y")]"#,
    ),
    ("in a span", "request{password=abc}: done", "request{password=[redacted:password]}: done"),
    (
        "in a message of JSON",
        r#"{"message":"password=abc","x":1}"#,
        r#"{"message":"password=[redacted:password]","x":1}"#,
    ),
    (
        "quoted in text",
        r#"wrong password "hunter2" given"#,
        r#"wrong password "[redacted:password]" given"#,
    ),
    ("words", "password: correct horse battery x=1", "password: [redacted:password] x=1"),
    ("newPassword", r#"{"newPassword":"hunter2"}"#, r#"{"newPassword":"[redacted:password]"}"#),
    (
        "password_confirmation",
        "password_confirmation=hunter2",
        "password_confirmation=[redacted:password]",
    ),
    ("PASSWD", "DB_PASSWD=hunter2", "DB_PASSWD=[redacted:password]"),
    ("passphrase", "key-passphrase: 'a b'", "key-passphrase: '[redacted:password]'"),
    (
        "connection string",
        "Host=db;Password=hun,ter2;User=x",
        "Host=db;Password=[redacted:password];User=x",
    ),
    ("punctuation", "password=a)b}c,d x", "password=[redacted:password] x"),
    (
        "PostgreSQL",
        "postgres://bank:pa/s@s@db:5432/bank",
        "postgres://bank:[redacted:password]@db:5432/bank",
    ),
    ("Redis", "redis://:pw@host:6379/0", "redis://:[redacted:password]@host:6379/0"),
    ("any URL", "at https://u:p%40ss@h/x", "at https://u:[redacted:password]@h/x"),
    (
        "URL encoded",
        "u=postgres%3A%2F%2Fu%3Apw%40db%2Fx",
        "u=postgres%3A%2F%2Fu%3A[redacted:password]%40db%2Fx",
    ),
    ("argon2", "h $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA x", "h [redacted:password] x"),
    (
        "bcrypt",
        "$2b$12$abcdefghijklmnopqrstuv0123456789abcdefghijklmnopqrstu",
        "[redacted:password]",
    ),
];

const HEADERS: &[Row] = &[
    ("bearer", "authorization: Bearer abc.def", "authorization: Bearer [redacted:token]"),
    (
        "bearer in a sentence",
        "sent Authorization: Bearer abc to x",
        "sent Authorization: Bearer [redacted:token] to x",
    ),
    (
        "bearer field",
        "authorization=Bearer abc status=200",
        "authorization=Bearer [redacted:token] status=200",
    ),
    (
        "bearer JSON",
        r#"{"authorization":"Bearer abc"}"#,
        r#"{"authorization":"Bearer [redacted:token]"}"#,
    ),
    ("basic", "Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [redacted:token]"),
    (
        "ours",
        "authorization: Exchequer key_01h455vb4pex5vsknk084sn02q",
        "authorization: Exchequer [redacted:token]",
    ),
    ("no scheme", r#"("authorization", "abc def")"#, r#"("authorization", "[redacted:token]")"#),
    ("unknown scheme", "Authorization: Custom abc def", "Authorization: [redacted:token]"),
    (
        "digest",
        r#"authorization: Digest username="x", response="abc""#,
        "authorization: Digest [redacted:token]",
    ),
    ("proxy", "Proxy-Authorization: Basic YTpi", "Proxy-Authorization: Basic [redacted:token]"),
    (
        "bearer without a header",
        "got Bearer abcdef0123456789 there",
        "got Bearer [redacted:token] there",
    ),
    ("cookie", "Cookie: a=b; c=d", "Cookie: [redacted:cookie]"),
    ("cookie field", "cookie=a=b; c=d status=200", "cookie=[redacted:cookie] status=200"),
    ("set-cookie", "set-cookie: sid=abc; HttpOnly; Path=/", "set-cookie: [redacted:cookie]"),
    ("cookie JSON", r#"{"cookie":"a=b; c=d","x":1}"#, r#"{"cookie":"[redacted:cookie]","x":1}"#),
    (
        "headers in one string",
        r#"{"raw":"host: x\r\ncookie: a=b; c=d\r\naccept: */*"}"#,
        r#"{"raw":"host: x\r\ncookie: [redacted:cookie]\r\naccept: */*"}"#,
    ),
    (
        "curl",
        "curl -H 'Authorization: Bearer abc' -H 'Cookie: a=b' https://x",
        "curl -H 'Authorization: Bearer [redacted:token]' -H 'Cookie: [redacted:cookie]' https://x",
    ),
    ("signature", "X-Signature: 00ff00ff", "X-Signature: [redacted:token]"),
    (
        "RFC 9421",
        "signature: sig1=:K2qGT5srn2OGbOIDzQ6kYT+ruaycnDAAUpKv+ePFfD0=:",
        "signature: [redacted:token]",
    ),
    ("step-up", "Step-Up: q1w2e3r4", "Step-Up: [redacted:token]"),
    (
        "Debug of a map",
        r#"{"authorization": Sensitive}"#,
        r#"{"authorization": "[redacted:token]"}"#,
    ),
];

const KEYS_AND_TOKENS: &[Row] = &[
    (
        "access token",
        r#"{"access_token":"abc","x":1}"#,
        r#"{"access_token":"[redacted:token]","x":1}"#,
    ),
    ("refreshToken", "refreshToken=abc&x=1", "refreshToken=[redacted:token]&x=1"),
    ("token in text", "token: q1w2e3 refused", "token: [redacted:token] refused"),
    (
        "token in a query",
        "GET /confirm?token=abc HTTP/1.1",
        "GET /confirm?token=[redacted:token] HTTP/1.1",
    ),
    ("token variant", r#"Token("abc")"#, r#"Token("[redacted:token]")"#),
    ("JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1 end", "[redacted:jwt] end"),
    ("JWT ends a sentence", "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc.", "got [redacted:jwt]."),
    ("JWT cut off", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOi", "[redacted:jwt]"),
    ("JWE", "eyJhbGciOiJkaXIifQ..iv12.ciphertext.tag", "[redacted:jwt]"),
    ("JWT percent-encoded", "t=eyJhbGciOiJIUzI1NiJ9%2EeyJzdWIiOiIxIn0%2Eabc&", "t=[redacted:jwt]&"),
    ("api key", "x-api-key: abc", "x-api-key: [redacted:key]"),
    ("client_secret", "client_secret=abc&x=1", "client_secret=[redacted:key]&x=1"),
    ("totp_secret", r#"{"totp_secret":"JBSWY3DP"}"#, r#"{"totp_secret":"[redacted:key]"}"#),
    (
        "otpauth",
        "otpauth://totp/x?secret=JBSWY3DP&issuer=x",
        "otpauth://totp/x?secret=[redacted:key]&issuer=x",
    ),
    ("environment", "EXCHEQUER_MASTER_KEY=abc", "EXCHEQUER_MASTER_KEY=[redacted:key]"),
    ("two words", "signing key: abc/def+1", "signing key: [redacted:key]"),
    ("master key line", "exchequer-master-1:q1w2e3_-:a1b2", "exchequer-master-1:[redacted:key]"),
    (
        "share of a master key",
        "exchequer-share-of-master-key-1:1/2:00ff:11ee:q1w2e3_-:a1b2",
        "exchequer-share-of-master-key-1:[redacted:key]",
    ),
    ("a merchant's secret", "key exs_test_0_RmWzH0LrWWUdotc used", "key [redacted:key] used"),
    ("sk_live", "key sk_live_abcdef0123456789 used", "key [redacted:key] used"),
    ("whsec", r#""whsec_MfKQ9r8GKYqrTwjU""#, r#""[redacted:key]""#),
    (
        "PEM",
        "-----BEGIN PRIVATE KEY-----\nMIIabc+/=\n-----END PRIVATE KEY----- after",
        "[redacted:key] after",
    ),
    (
        "PEM in JSON",
        r#"{"k":"-----BEGIN EC PRIVATE KEY-----\nMII\n-----END EC PRIVATE KEY-----\n"}"#,
        r#"{"k":"[redacted:key]\n"}"#,
    ),
    (
        "PEM cut off",
        r#"{"k":"-----BEGIN RSA PRIVATE KEY-----\nMIIabc"}"#,
        r#"{"k":"[redacted:key]"}"#,
    ),
];

/// Where a line comes from: messages, fields, nested values, errors, panics.
const PLACES: &[Row] = &[
    (
        "a log line in JSON",
        r#"{"level":"INFO","fields":{"message":"paid with 4111111111111111","status":201}}"#,
        r#"{"level":"INFO","fields":{"message":"paid with [redacted:card]","status":201}}"#,
    ),
    (
        "a log line in text",
        "2024-01-15T10:23:45.123456Z  INFO request{id=req_1}: exchequer: memo=\"4111 1111 1111 1111\"",
        "2024-01-15T10:23:45.123456Z  INFO request{id=req_1}: exchequer: memo=\"[redacted:card]\"",
    ),
    (
        "an error with its request",
        r#"gateway: status 400: {"error":"bad number 4111111111111111"}"#,
        r#"gateway: status 400: {"error":"bad number [redacted:card]"}"#,
    ),
    (
        "an error of the database",
        "duplicate key value: Key (number)=(4111111111111111) already exists",
        "duplicate key value: Key (number)=([redacted:card]) already exists",
    ),
    (
        "a connection error",
        r#"Error { url: "postgres://u:pw@db/x", kind: Connect }"#,
        r#"Error { url: "postgres://u:[redacted:password]@db/x", kind: Connect }"#,
    ),
    (
        "a panic",
        "thread 'main' panicked at src/x.rs:10:5:\nleft: \"4111111111111111\"\nright: \"\"",
        "thread 'main' panicked at src/x.rs:10:5:\nleft: \"[redacted:card]\"\nright: \"\"",
    ),
    (
        "a panic of unwrap",
        r#"called `Result::unwrap()` on an `Err` value: Refused { password: "hunter2" }"#,
        r#"called `Result::unwrap()` on an `Err` value: Refused { password: "[redacted:password]" }"#,
    ),
    (
        "a nested value",
        r#"{"a":{"b":[{"c":{"pan":"ABCPE1234F"}},{"cvv":"123"}]}}"#,
        r#"{"a":{"b":[{"c":{"pan":"[redacted:pan]"}},{"cvv":"[redacted:cvv]"}]}}"#,
    ),
];
