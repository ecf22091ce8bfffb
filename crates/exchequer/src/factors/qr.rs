//! An authenticator's key as a picture: SVG of plain rectangles, of a fixed size, without script, style or
//! reference. Pure.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use store::DbError;

/// Pixels of a side, at least: large enough for a telephone's camera from a screen.
const SIDE: u32 = 240;

/// The picture of a short text. An `otpauth` URI is far below what a QR code holds.
pub fn svg(text: &str) -> Result<String, DbError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|error| DbError::Corrupt(format!("a key that no QR code holds: {error}")))?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(SIDE, SIDE).build())
}

#[cfg(test)]
mod tests;
