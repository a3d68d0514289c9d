//! Small numbers, one after the other, in a large one.

/// A stack of small numbers.
pub(super) struct Bits(pub(super) u128);

impl Bits {
    pub(super) fn push(&mut self, width: u32, value: impl Into<u128>) {
        let value = value.into();
        debug_assert!(value >> width == 0, "{value} does not fit {width} bits");
        self.0 = self.0 << width | value;
    }

    #[expect(clippy::cast_possible_truncation, reason = "no field is wider than twelve bits")]
    pub(super) fn pop_wide(&mut self, width: u32) -> u16 {
        let value = self.0 & ((1 << width) - 1);
        self.0 >>= width;
        value as u16
    }

    #[expect(clippy::cast_possible_truncation, reason = "no wider than eight bits")]
    pub(super) fn pop(&mut self, width: u32) -> u8 {
        self.pop_wide(width) as u8
    }

    pub(super) fn pop_flag(&mut self) -> bool {
        self.pop(1) == 1
    }
}
