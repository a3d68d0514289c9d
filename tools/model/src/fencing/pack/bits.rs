//! Small numbers, one after the other, in a large one.

/// A stack of small numbers.
pub(super) struct Bits(pub(super) u128);

impl Bits {
    pub(super) fn push(&mut self, width: u32, value: u16) {
        debug_assert!(value >> width == 0, "{value} does not fit {width} bits");
        self.0 = self.0 << width | u128::from(value);
    }

    #[expect(clippy::cast_possible_truncation, reason = "no field is wider than four bits")]
    pub(super) fn pop(&mut self, width: u32) -> u8 {
        let value = self.0 & ((1 << width) - 1);
        self.0 >>= width;
        value as u8
    }

    #[expect(clippy::cast_possible_truncation, reason = "of a few short fields")]
    pub(super) fn low(&self) -> u16 {
        self.0 as u16
    }
}
