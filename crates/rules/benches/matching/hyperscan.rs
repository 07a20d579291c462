//! Hyperscan (libhyperscan, BSD licence): line by line, and over all of the log at once.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_uint, c_ulonglong, c_void},
    ptr,
};

use memchr::{memchr_iter, memrchr};
use paramedic_rules::LogText;
use regex::Regex;

use crate::{
    contestants::{Contestant, Found, Hits, lines},
    rules::Rules,
};

// From hs_common.h, hs_compile.h and hs_runtime.h of 5.4.
const HS_SUCCESS: c_int = 0;
const HS_FLAG_MULTILINE: c_uint = 4;
const HS_FLAG_SINGLEMATCH: c_uint = 8;
const HS_MODE_BLOCK: c_uint = 1;

#[repr(C)]
struct CompileError {
    message: *mut c_char,
    expression: c_int,
}

type OnMatch = extern "C" fn(c_uint, c_ulonglong, c_ulonglong, c_uint, *mut c_void) -> c_int;

#[link(name = "hs")]
unsafe extern "C" {
    fn hs_compile_multi(
        expressions: *const *const c_char,
        flags: *const c_uint,
        ids: *const c_uint,
        elements: c_uint,
        mode: c_uint,
        platform: *const c_void,
        database: *mut *mut c_void,
        error: *mut *mut CompileError,
    ) -> c_int;
    fn hs_alloc_scratch(database: *const c_void, scratch: *mut *mut c_void) -> c_int;
    fn hs_scan(
        database: *const c_void,
        data: *const c_char,
        length: c_uint,
        flags: c_uint,
        scratch: *mut c_void,
        on_match: OnMatch,
        context: *mut c_void,
    ) -> c_int;
}

/// Hyperscan, then a rule's pattern on the line that it reports.
pub(crate) struct Hyperscan {
    database: *mut c_void,
    scratch: *mut c_void,
    regexes: Vec<Regex>,
    per_line: bool,
}

/// A rule, and where its match ends.
type Reports = Vec<(usize, usize)>;

extern "C" fn on_match(id: c_uint, _: c_ulonglong, to: c_ulonglong, _: c_uint, context: *mut c_void) -> c_int {
    // SAFETY: `scan` gives a pointer to its own list, which outlives the call and is not used beside it.
    let reports = unsafe { &mut *context.cast::<Reports>() };
    reports.push((id as usize, usize::try_from(to).unwrap_or(usize::MAX)));
    0
}

impl Hyperscan {
    pub(crate) fn new(rules: &Rules, regexes: Vec<Regex>, per_line: bool) -> Self {
        let expressions: Vec<_> =
            rules.patterns.iter().map(|pattern| CString::new(pattern.as_str()).unwrap()).collect();
        let pointers: Vec<_> = expressions.iter().map(|expression| expression.as_ptr()).collect();
        let count = c_uint::try_from(pointers.len()).unwrap();
        let flags = vec![HS_FLAG_MULTILINE | HS_FLAG_SINGLEMATCH; pointers.len()];
        let ids: Vec<_> = (0..count).collect();
        let (mut database, mut scratch, mut error) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: three arrays of `count` elements that live through the call, and places for the two results.
        let code = unsafe {
            hs_compile_multi(
                pointers.as_ptr(),
                flags.as_ptr(),
                ids.as_ptr(),
                count,
                HS_MODE_BLOCK,
                ptr::null(),
                &raw mut database,
                &raw mut error,
            )
        };
        if code != HS_SUCCESS {
            // SAFETY: on failure the error is set, with a text that ends in zero.
            let (message, at) = unsafe { (CStr::from_ptr((*error).message), (*error).expression) };
            let pattern = usize::try_from(at).ok().and_then(|at| rules.patterns.get(at));
            eprintln!("hyperscan: {}: {pattern:?}", message.to_string_lossy());
            std::process::exit(1);
        }
        // SAFETY: the database was compiled above.
        assert_eq!(unsafe { hs_alloc_scratch(database, &raw mut scratch) }, HS_SUCCESS);
        Self { database, scratch, regexes, per_line }
    }

    fn scan(&self, text: &str, reports: &mut Reports) {
        let length = c_uint::try_from(text.len()).unwrap();
        let context = ptr::from_mut(reports).cast();
        // SAFETY: database and scratch belong together, one thread uses them, and the text and the list live on.
        let code = unsafe { hs_scan(self.database, text.as_ptr().cast(), length, 0, self.scratch, on_match, context) };
        assert_eq!(code, HS_SUCCESS);
    }

    fn search_lines(&self, log: &str) -> Found {
        let (mut hits, mut reports) = (Hits::new(&self.regexes), Reports::new());
        for (number, line) in lines(log) {
            self.scan(line, &mut reports);
            for (rule, _) in reports.drain(..) {
                hits.try_rule(rule, line, number);
            }
        }
        hits.found()
    }

    fn search_whole(&self, log: &str) -> Found {
        let (mut hits, mut reports) = (Hits::new(&self.regexes), Reports::new());
        self.scan(log, &mut reports);
        let (mut counted, mut number) = (0, 1);
        for (rule, end) in reports {
            let bytes = log.as_bytes();
            let end = end.max(1);
            let start = memrchr(b'\n', &bytes[..end - 1]).map_or(0, |newline| newline + 1);
            number += memchr_iter(b'\n', &bytes[counted.min(start)..start]).count() as u64;
            counted = counted.max(start);
            hits.try_rule(rule, log[start..].split('\n').next().unwrap_or_default(), number);
        }
        hits.found()
    }
}

impl Contestant for Hyperscan {
    fn name(&self) -> String {
        if self.per_line { "Hyperscan a line" } else { "Hyperscan over all of it" }.to_owned()
    }

    fn search(&self, log: &LogText) -> Option<Found> {
        let log = log.text.as_str();
        Some(if self.per_line { self.search_lines(log) } else { self.search_whole(log) })
    }
}
