//! What a file is that is not what was expected: told by its first bytes, never by its name.

/// First bytes, from a position on, and what has them.
const MAGIC: [(usize, &[u8], &str); 18] = [
    (0, b"\x93NUMPY", "a NumPy array (.npy)"),
    (4, b"TFL3", "a TensorFlow Lite model (.tflite)"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file (a Keras .h5)"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (257, b"ustar", "a tar archive"),
    (4, b"ORTM", "a model in ONNX Runtime's own format (.ort)"),
    (0, b"GGUF", "a GGUF model"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"\x7fELF", "a program or library (ELF)"),
    (0, b"\x80\x02", PICKLE),
    (0, b"\x80\x03", PICKLE),
    (0, b"\x80\x04", PICKLE),
    (0, b"\x80\x05", PICKLE),
];
const PICKLE: &str = "a Python pickle (a PyTorch checkpoint of the old form, or a .pkl)";

/// So many first bytes are enough.
pub const ENOUGH: usize = 4096;

/// What a file with these first bytes looks like, with its article; `None` when nothing is known of it.
pub fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("an empty file");
    }
    let begins = &bytes[..bytes.len().min(ENOUGH)];
    if begins.starts_with(b"PK\x03\x04") || begins.starts_with(b"PK\x05\x06") {
        return Some(archive(begins));
    }
    let known = MAGIC.iter().find(|(at, magic, _)| begins.get(*at..).is_some_and(|b| b.starts_with(magic)));
    if let Some((.., what)) = known {
        return Some(what);
    }
    let json_behind = begins.get(8..).is_some_and(|b| b.starts_with(b"{\""));
    if json_behind && begins.len() >= 10 {
        return Some("a safetensors file");
    }
    text(begins)
}

/// A zip archive, by the name of its first entry.
fn archive(begins: &[u8]) -> &'static str {
    let name = begins.get(30..).unwrap_or_default();
    let length = begins.get(26..28).map_or(0, |l| usize::from(u16::from_le_bytes([l[0], l[1]])));
    let name = String::from_utf8_lossy(&name[..name.len().min(length)]).into_owned();
    match name {
        name if name.ends_with(".npy") => "an archive of NumPy arrays (.npz)",
        name if name.ends_with("data.pkl")
            || name.contains("/.format_version")
            || name.ends_with("/byteorder") =>
        {
            "a PyTorch checkpoint (a zip archive with a pickle in it)"
        }
        name if name == "metadata.json" || name == "config.json" || name.ends_with("weights.h5") => {
            "a zip archive (a Keras model, it seems)"
        }
        _ => "a zip archive",
    }
}

/// Text in UTF-8 (a character may be cut by the end of what was read), told apart by its first word.
fn text(begins: &[u8]) -> Option<&'static str> {
    let text = match std::str::from_utf8(begins) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() && e.valid_up_to() > 0 => {
            std::str::from_utf8(&begins[..e.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !"\t\n\r\u{c}".contains(c)) {
        return None;
    }
    let first = text.trim_start_matches('\u{feff}').trim_start();
    let lower = first.chars().take(40).collect::<String>().to_lowercase();
    Some(if first.starts_with("version https://git-lfs") {
        "a pointer of Git LFS: the file itself was not fetched (`git lfs pull`)"
    } else if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        "a web page (HTML): a download that went wrong, perhaps"
    } else if first.starts_with(['{', '[']) {
        "JSON text"
    } else if lower.starts_with("ir_version") || lower.starts_with("<ir_version") {
        "an ONNX model as text"
    } else {
        "text"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        let zip = |name: &str| {
            let length = u16::try_from(name.len()).unwrap().to_le_bytes();
            [b"PK\x03\x04", &[0; 22][..], &length, &[0, 0], name.as_bytes(), b"rest"].concat()
        };
        let is = |bytes: &[u8], what: &str| {
            let said = looks_like(bytes).unwrap_or("nothing");
            assert!(said.contains(what), "{said:?} for {what:?}");
        };
        is(b"", "empty");
        is(b"schema = 1\nname = \"x\"\n", "text");
        is("größe".as_bytes(), "text");
        is("aé".as_bytes().split_last().unwrap().1, "text");
        is(b"{\"a\": 1}", "JSON");
        is(b"<!DOCTYPE html><html>", "HTML");
        is(b"version https://git-lfs.github.com/spec/v1\n", "Git LFS");
        is(b"\x93NUMPY\x01\x00", "NumPy");
        is(b"\x1c\0\0\0TFL3rest", "Lite");
        is(b"\x80\x02}q\0", "pickle");
        is(&zip("a.npy"), ".npz");
        is(&zip("model/data.pkl"), "PyTorch");
        is(&zip("readme"), "zip");
        is(b"\x40\0\0\0\0\0\0\0{\"a\":{}}", "safetensors");
        assert_eq!(looks_like(&[8, 7, 0x12, 3, b'x', b'y', b'z', 0x3a, 0]), None);
    }
}
