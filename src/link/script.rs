//! A call of a script, put together in the form in which it is sent.

use redis::{Cmd, Script, ToRedisArgs};

/// A call of a script by its digest: its keys, then its arguments. The client library's own keeps each of them apart and copies all of them when it is
/// sent; a call has some twenty, and there are thousands of calls in a second.
pub struct Invocation<'a> {
    pub(super) script: &'a Script,
    pub(super) cmd: Cmd,
}

impl<'a> Invocation<'a> {
    /// A call with these keys and no arguments yet.
    #[must_use]
    pub fn new<K: AsRef<str>>(script: &'a Script, keys: &[K]) -> Self {
        let mut cmd = Cmd::with_capacity(32, 1_024);
        cmd.arg("EVALSHA").arg(script.get_hash()).arg(keys.len());
        for key in keys {
            cmd.arg(key.as_ref());
        }
        Self { script, cmd }
    }

    /// Adds an argument, or several.
    pub fn arg<T: ToRedisArgs>(&mut self, arg: T) -> &mut Self {
        self.cmd.arg(arg);
        self
    }
}
