//! glibc's own `regcomp` and `regexec` in the locale C.UTF-8, behind a safe face.
#![expect(
    unsafe_code,
    reason = "glibc is called; nowhere else in this package is anything unsafe"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a broken assumption ends a test or a benchmark"
)]

use std::ffi::{CStr, CString, c_int};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

unsafe extern "C" {
    fn iswctype(character: u32, class: usize) -> c_int;
    fn wctype(name: *const libc::c_char) -> usize;
    fn towupper(character: u32) -> u32;
}

/// Sets the locale of this process, once.
fn in_c_utf8() {
    static SET: OnceLock<bool> = OnceLock::new();
    let set = SET.get_or_init(|| {
        // SAFETY: the name is a C string; every call into glibc here waits for this one.
        let name = unsafe { libc::setlocale(libc::LC_ALL, c"C.UTF-8".as_ptr()) };
        !name.is_null()
    });
    assert!(set, "this system has no locale C.UTF-8");
}

/// A pattern as glibc compiled it.
pub(crate) struct Pattern(Box<libc::regex_t>);

impl Pattern {
    /// Compiles, or gives glibc's reason.
    pub(crate) fn compile(pattern: &str, ignore_case: bool) -> Result<Self, String> {
        in_c_utf8();
        let pattern = CString::new(pattern).unwrap();
        let case = if ignore_case { libc::REG_ICASE } else { 0 };
        let flags = libc::REG_EXTENDED | libc::REG_NOSUB | case;
        let mut compiled = Box::new(MaybeUninit::<libc::regex_t>::zeroed());
        // SAFETY: regcomp fills the structure, which does not move afterwards, and copies what it needs of the pattern.
        let error = unsafe { libc::regcomp(compiled.as_mut_ptr(), pattern.as_ptr(), flags) };
        if error == 0 {
            // SAFETY: regcomp succeeded, so the structure is initialised.
            return Ok(Self(unsafe { compiled.assume_init() }));
        }
        let mut text = [0; 128];
        // SAFETY: regerror writes at most that many bytes, with a NUL at the end; it accepts what regcomp left.
        let text = unsafe {
            libc::regerror(error, compiled.as_ptr(), text.as_mut_ptr(), text.len());
            CStr::from_ptr(text.as_ptr())
        };
        Err(text.to_string_lossy().into_owned())
    }

    /// Whether it occurs in the text.
    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        let end = libc::regoff_t::try_from(text.len()).unwrap();
        let mut whole = libc::regmatch_t {
            rm_so: 0,
            rm_eo: end,
        };
        // SAFETY: the pattern is compiled; with REG_STARTEND the text is read between the two offsets only, and with
        // REG_NOSUB and a count of 0 nothing is written.
        let result = unsafe {
            let text = text.as_ptr().cast();
            libc::regexec(
                &raw const *self.0,
                text,
                0,
                &raw mut whole,
                libc::REG_STARTEND,
            )
        };
        assert!(
            result == 0 || result == libc::REG_NOMATCH,
            "regexec failed: {result}"
        );
        result == 0
    }
}

impl Drop for Pattern {
    fn drop(&mut self) {
        // SAFETY: it was compiled and is freed once.
        unsafe { libc::regfree(&raw mut *self.0) }
    }
}

/// Whether a character is of a class, such as `alpha`.
pub(crate) fn is_of_class(character: char, class: &CStr) -> bool {
    in_c_utf8();
    // SAFETY: the name is a C string, and any number may be asked about.
    unsafe { iswctype(character.into(), wctype(class.as_ptr())) != 0 }
}

/// The capital of a letter, or the character itself.
pub(crate) fn upper(character: char) -> char {
    in_c_utf8();
    // SAFETY: any number may be asked about.
    let capital = unsafe { towupper(character.into()) };
    char::from_u32(capital).unwrap()
}
