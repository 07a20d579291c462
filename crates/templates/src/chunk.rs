//! Masks one chunk of a line: what stands between two spaces, brackets, quotation marks or the like.

/// Every mask. What holds one is left as it is.
pub(crate) const MASKS: [&str; 10] =
    ["<num>", "<size>", "<time>", "<host>", "<path>", "<uuid>", "<hex>", "<id>", "<name>", "<list>"];
/// What may end a chunk without being part of it.
pub(crate) const TRAILING: [char; 8] = [':', '.', '!', '?', '>', '*', '#', '…'];
const LEADING: [char; 5] = ['<', ':', '#', '*', '$'];
const BYTE_UNITS: [&str; 15] =
    ["B", "KB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "PiB", "kB", "bytes", "byte", "Bytes"];
/// Words that end in a digit and are names.
const NAMES_WITH_DIGITS: [&str; 22] = [
    "s3", "ec2", "utf8", "utf16", "md5", "sha1", "sha256", "sha512", "base64", "int8", "int16", "int32", "int64",
    "float32", "float64", "log4j2", "http2", "ipv4", "ipv6", "lz4", "x86", "hive2",
];
/// Ends of host names. Java's packages start with them.
const HOST_ENDS: [&str; 16] = [
    "com",
    "net",
    "org",
    "internal",
    "local",
    "localdomain",
    "lan",
    "io",
    "cloud",
    "svc",
    "corp",
    "intra",
    "home",
    "edu",
    "gov",
    "dev",
];
const FILE_ENDS: [&str; 24] = [
    "csv", "tsv", "parquet", "orc", "avro", "json", "jsonl", "xml", "txt", "gz", "zip", "bz2", "zst", "snappy", "lz4",
    "py", "jar", "egg", "whl", "crc", "log", "sql", "yaml", "yml",
];

/// Does the text hold a mask?
pub(crate) fn holds_mask(text: &str) -> bool {
    text.contains('<') && MASKS.iter().any(|mask| text.contains(mask))
}

pub(crate) fn is_byte_unit(text: &str) -> bool {
    BYTE_UNITS.contains(&text)
}

/// The chunk with its variable parts masked.
pub(crate) fn masked(chunk: &str) -> String {
    if holds_mask(chunk) {
        return chunk.to_owned();
    }
    let start = chunk.trim_start_matches(LEADING);
    let core = start.trim_end_matches(TRAILING);
    let (before, after) = (&chunk[..chunk.len() - start.len()], &start[core.len()..]);
    format!("{before}{}{after}", masked_core(core))
}

fn masked_core(core: &str) -> String {
    if is_time(core.as_bytes()) {
        return "<time>".to_owned();
    }
    if let Some(path) = masked_path(core) {
        return path;
    }
    if let Some(mask) = mask_of_whole(core) {
        return mask.to_owned();
    }
    if let Some((start, unit)) = number_with_unit(core) {
        return if is_byte_unit(unit) || matches!(unit, "k" | "m" | "g" | "t" | "K" | "M" | "G" | "T" | "b") {
            "<size>".to_owned()
        } else {
            format!("<num>{}", &core[start..])
        };
    }
    if let Some((name, hash)) = core.rsplit_once('@') {
        return if hash.len() >= 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            format!("{name}@<hex>")
        } else if hash.contains('.') {
            "<name>".to_owned()
        } else {
            with_digits_masked(core)
        };
    }
    if let Some((first, second)) = core.split_once('/') {
        return format!("{}/{}", masked_core(first), masked_core(second));
    }
    with_digits_masked(core)
}

/// URLs, absolute paths, relative ones of three parts or more, file names.
fn masked_path(core: &str) -> Option<String> {
    if let Some((scheme, rest)) = core.split_once("://") {
        let plain =
            scheme.len() <= 40 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.:-".contains(&byte));
        return (!rest.is_empty()).then(|| if plain { format!("{scheme}://<path>") } else { "<path>".to_owned() });
    }
    if let Some((scheme, rest)) = core.split_once(":/")
        && !rest.is_empty()
        && scheme.len() > 1
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return Some(format!("{scheme}:<path>"));
    }
    let bytes = core.as_bytes();
    let absolute =
        matches!(bytes, [b'/', _, ..] | [b'~' | b'.', b'/', ..] | [b'.', b'.', b'/', ..] | [b'\\', b'\\', ..]);
    let of_windows =
        bytes.first().is_some_and(u8::is_ascii_alphabetic) && matches!(bytes.get(1..3), Some([b':', b'\\' | b'/']));
    let relative = memchr::memchr_iter(b'/', bytes).take(2).count() == 2;
    (absolute || of_windows || relative || is_file_name(core)).then(|| "<path>".to_owned())
}

fn is_file_name(core: &str) -> bool {
    core.rsplit_once('.').is_some_and(|(stem, end)| {
        FILE_ENDS.contains(&end)
            && !stem.is_empty()
            && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    })
}

/// The mask of a chunk that is one variable thing.
fn mask_of_whole(core: &str) -> Option<&'static str> {
    let bytes = core.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    if is_host_name(core) {
        return Some("<host>");
    }
    if is_user_name(core) {
        return Some("<name>");
    }
    if digits == 0 {
        return None;
    }
    if is_uuid(bytes) {
        return Some("<uuid>");
    }
    if bytes.windows(36).any(is_uuid) {
        return Some("<id>");
    }
    if is_address(core) {
        return Some("<host>");
    }
    if is_number(core) {
        return Some("<num>");
    }
    if is_hexadecimal(bytes, digits) {
        return Some("<hex>");
    }
    is_random(bytes).then_some("<id>")
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// An IP address, or a host with a port.
fn is_address(core: &str) -> bool {
    let (host, port) = core.rsplit_once(':').unwrap_or((core, ""));
    let has_port = (2..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_v4 = |host: &str| {
        let mut parts = 0;
        let fits = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        host.split('.').all(|part| {
            parts += 1;
            fits(part)
        }) && parts == 4
    };
    let is_v6 = core.len() <= 45
        && core.matches(':').count() >= 3
        && core.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let lower = host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    let telling = port.len() >= 4 || host.contains(['.', '-']);
    is_v4(core)
        || is_v6
        || (has_port && (is_v4(host) || is_host_name(host) || (lower && telling && starts_with_letter(host))))
}

fn starts_with_letter(text: &str) -> bool {
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
}

fn is_host_name(core: &str) -> bool {
    let plain = core.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    if !plain || !starts_with_letter(core) {
        return false;
    }
    let of_cloud = core.strip_prefix("ip-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let (first, end) = (core.split('.').next().unwrap_or_default(), core.rsplit('.').next().unwrap_or_default());
    let package = matches!(first, "java" | "javax" | "spark" | "scala" | "py" | "python") || HOST_ENDS.contains(&first);
    of_cloud || (core.contains('.') && HOST_ENDS.contains(&end) && !package)
}

/// `daily_sales`, `db.daily_sales_2024`: names in snake case are the user's.
fn is_user_name(core: &str) -> bool {
    core.contains('_')
        && core.bytes().any(|byte| byte.is_ascii_lowercase())
        && core.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-#".contains(&byte))
}

/// Dates and times of day, together or alone.
fn is_time(bytes: &[u8]) -> bool {
    let digits_at =
        |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let first = digits_at(0);
    let separator = bytes.get(first).copied();
    let second = digits_at(first + 1);
    let third_separator = bytes.get(first + 1 + second).copied();
    let rest_fits = bytes.iter().all(|byte| byte.is_ascii_digit() || b"-/:.TZ+".contains(byte));
    match separator {
        Some(b'-' | b'/') => {
            rest_fits && (1..=4).contains(&first) && (1..=2).contains(&second) && third_separator == separator
        }
        Some(b':') => rest_fits && (1..=2).contains(&first) && second == 2,
        _ => false,
    }
}

/// Digits, with a sign, points, an exponent, a per cent sign.
pub(crate) fn is_number(core: &str) -> bool {
    let unsigned = core.strip_prefix(['-', '+']).unwrap_or(core);
    let unsigned = unsigned.strip_suffix('%').unwrap_or(unsigned);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let starts = mantissa.starts_with(|c: char| c.is_ascii_digit());
    starts
        && !mantissa.ends_with('.')
        && mantissa.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && !exponent.is_empty()
        && exponent.bytes().all(|byte| byte.is_ascii_digit())
}

/// `512m`, `1.5GiB`, `120s`: where the unit starts, and the unit.
fn number_with_unit(core: &str) -> Option<(usize, &str)> {
    let start = core.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = core.split_at(start);
    (is_number(number) && unit.len() <= 5 && unit.bytes().all(|byte| byte.is_ascii_alphabetic()))
        .then_some((start, unit))
}

fn is_hexadecimal(bytes: &[u8], digits: usize) -> bool {
    let all = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(u8::is_ascii_hexdigit);
    match bytes {
        [b'0', b'x' | b'X', rest @ ..] => all(rest),
        _ => bytes.len() >= 8 && digits < bytes.len() && all(bytes),
    }
}

/// Long, and going to and fro between letters and digits, as no word does.
fn is_random(bytes: &[u8]) -> bool {
    let turns = bytes
        .windows(2)
        .filter(|pair| {
            let [one, other] = [pair[0], pair[1]];
            (one.is_ascii_digit() && other.is_ascii_alphabetic())
                || (one.is_ascii_alphabetic() && other.is_ascii_digit())
        })
        .count();
    bytes.len() >= 12 && turns >= 4 && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.+".contains(byte))
}

/// Masks the digits that end a word: `worker12`, `part-0001`. Those within a word (`log4j`) belong to it.
fn with_digits_masked(core: &str) -> String {
    let bytes = core.as_bytes();
    let mut written = String::with_capacity(core.len());
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = end_of_digits(bytes, at);
        let within = bytes.get(end).is_some_and(u8::is_ascii_alphabetic);
        if !within && !is_name_with_digits(bytes, at, end) {
            written.push_str(&core[copied..at]);
            written.push_str("<num>");
            copied = end;
        }
        at = end;
    }
    written.push_str(&core[copied..]);
    written
}

/// The end of digits, and of further digits joined to them: `1.2.3`, `2024-01-31`.
fn end_of_digits(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        while bytes.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
        match bytes.get(end..end + 2) {
            Some([b'.' | b'-' | b'_' | b':', digit]) if digit.is_ascii_digit() => end += 1,
            _ => return end,
        }
    }
}

fn is_name_with_digits(bytes: &[u8], start: usize, end: usize) -> bool {
    let from = bytes[..start].iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
    let word = bytes[from..end].to_ascii_lowercase();
    NAMES_WITH_DIGITS.iter().any(|name| name.as_bytes() == word)
}
