/// Bytes that came and are not read yet.
#[derive(Debug)]
pub(super) struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    /// How much it has room for at first; as much as a frame takes at last.
    const FIRST: usize = 64 * 1024;

    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; Self::FIRST],
            start: 0,
            end: 0,
        }
    }

    /// What has come.
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Notes that the first of it are read.
    pub(super) fn read(&mut self, count: usize) {
        self.start += count;
    }

    /// Room for what comes next.
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Notes that some have come into [`Self::space`].
    pub(super) fn came(&mut self, count: usize) {
        self.end += count;
    }
}
