//! Numbers as people read them: digits in groups of three, a real minus sign, never an exponent.

/// Narrow space that does not break: 12 345 is one word.
const GROUP: char = '\u{202f}';
const MINUS: char = '\u{2212}';

/// Digits in groups of three from 10000 on; smaller numbers stand as they are.
pub fn grouped(value: impl Into<i128>) -> String {
    let value = value.into();
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    if value < 0 {
        text.push(MINUS);
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len() > 4 && (digits.len() - at).is_multiple_of(3) {
            text.push(GROUP);
        }
        text.push(digit);
    }
    text
}

/// A real number with this many decimals; what is not finite is `∞`, `−∞` or `–`.
pub fn real(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "–".to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".to_string() } else { format!("{MINUS}∞") };
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        // What rounds to zero has no sign.
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_string(),
        Some(rest) => format!("{MINUS}{rest}"),
        None => text,
    }
}

/// At most four characters for a cell of a heat map: 999, 1.2k, 35k, 4.1M.
pub(super) fn short(value: u64) -> String {
    let units = [(1_000_000_000_000_000_000, "E"), (1_000_000_000_000_000, "P"), (1_000_000_000_000, "T")];
    let units = units.into_iter().chain([(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")]);
    for (unit, letter) in units {
        let (whole, tenth) = (value / unit, value % unit / (unit / 10));
        match whole {
            0 => continue,
            1..=9 if tenth > 0 => return format!("{whole}.{tenth}{letter}"),
            _ => return format!("{whole}{letter}"),
        }
    }
    value.to_string()
}

/// `part` of `whole` in percent, to be shown with `decimals` digits behind the point: 0 and 100 are only said where they
/// are exactly so, and NaN where there is no whole.
pub fn percent(part: u128, whole: u128, decimals: i32) -> f64 {
    let step = 10f64.powi(-decimals);
    match part {
        _ if whole == 0 => f64::NAN,
        0 => 0.0,
        _ if part == whole => 100.0,
        _ => (100.0 * part as f64 / whole as f64).clamp(step, 100.0 - step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let plain = |v: i128| grouped(v).replace(GROUP, " ").replace(MINUS, "-");
        let cases = [
            (0, "0"),
            (9999, "9999"),
            (10_000, "10 000"),
            (-32_768, "-32 768"),
            (1_234_567, "1 234 567"),
            (i128::MIN, "-170 141 183 460 469 231 731 687 303 715 884 105 728"),
        ];
        for (value, text) in cases {
            assert_eq!(plain(value), text);
        }
    }

    #[test]
    fn reals_have_no_negative_zero_and_no_exponent() {
        assert_eq!(real(-0.001, 2), "0.00");
        assert_eq!(real(-1.25, 1), "\u{2212}1.2");
        assert_eq!(real(f64::INFINITY, 1), "∞");
        assert_eq!(real(f64::NAN, 1), "–");
        assert_eq!(real(1e20, 0), "100000000000000000000");
    }

    #[test]
    fn short_numbers_fit_a_cell() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1k"),
            (1250, "1.2k"),
            (35_999, "35k"),
            (4_100_000, "4.1M"),
            (u64::MAX, "18E"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
            assert!(text.len() <= 4);
        }
    }

    #[test]
    fn hardly_any_is_not_none_and_nearly_all_is_not_all() {
        let shown = |part, whole| format!("{:.2}", percent(part, whole, 2));
        assert_eq!([shown(0, 7), shown(7, 7), shown(1, 4)], ["0.00", "100.00", "25.00"]);
        assert_eq!([shown(1, 1_000_000), shown(999_999, 1_000_000)], ["0.01", "99.99"]);
        assert!(percent(0, 0, 2).is_nan());
    }
}
