#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| collabcanvas_fuzz::run("event", data));
