//! What `factors::qr` promises.

use super::*;

#[test]
fn the_picture_is_sized_and_holds_nothing_but_shapes() {
    let uri = "otpauth://totp/Exchequer:asha%40example.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
               &issuer=Exchequer&algorithm=SHA1&digits=6&period=30";
    let svg = svg(uri).unwrap();
    assert!(svg.contains("<svg") && svg.contains("width=\"") && svg.contains("viewBox"), "{svg}");
    for forbidden in ["<script", "href", "<style", "onload", "<foreignObject", "GEZDGNBV"] {
        assert!(!svg.contains(forbidden), "{forbidden}");
    }
}
