//! Memory of tensors, used again from step to step. `unsafe` to see lines as floats and to lend them to Burn.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::mem::{MaybeUninit, take};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{AllocationProperty, DType, Shape};
use burn_std::{AccessError, AccessPolicy, AllocationController, Bytes};

/// A cache line, so that no vector straddles two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; Line::FLOATS]);

impl Line {
    const FLOATS: usize = 16;
}

/// Floats that go back to a pool when they are dropped, also as a tensor of Burn's.
///
/// A training step asks for the same sizes as the step before, so it finds them in the pool: nothing is
/// allocated, no page is faulted in, nothing is zeroed. What a new buffer holds is left over or zero; whoever takes one
/// writes all of it.
pub(crate) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

/// Buffers that wait to be used again, by their number of lines.
struct Pool {
    idle: BTreeMap<usize, Class>,
    idle_lines: usize,
    used_lines: usize,
    /// The most that was in use at once; idle buffers hold little more.
    peak_lines: usize,
    /// Counts buffers that were taken and given back.
    clock: u64,
}

/// Idle buffers of a size.
#[derive(Default)]
struct Class {
    buffers: Vec<Vec<Line>>,
    /// When the pool last saw a buffer of this size.
    used: u64,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    idle: BTreeMap::new(),
    idle_lines: 0,
    used_lines: 0,
    peak_lines: 0,
    clock: 0,
});

impl Pool {
    /// Lines that may be idle beyond the peak and an eighth of it: 16 MB.
    const SLACK: usize = 1 << 18;

    fn class(&mut self, lines: usize) -> &mut Class {
        self.clock += 1;
        let class = self.idle.entry(lines).or_default();
        class.used = self.clock;
        class
    }

    /// The smallest idle buffer of at least this many lines and at most half as many more.
    fn take(&mut self, lines: usize) -> Option<Vec<Line>> {
        let fitting = self.idle.range_mut(lines..=lines + lines / 2);
        let found = fitting
            .map(|(_, class)| class)
            .find(|class| !class.buffers.is_empty());
        self.clock += 1;
        let found = found.and_then(|class| {
            class.used = self.clock;
            class.buffers.pop()
        });
        self.idle_lines -= found.as_ref().map_or(0, Vec::len);
        self.used_lines += found.as_ref().map_or(lines, Vec::len);
        self.peak_lines = self.peak_lines.max(self.used_lines);
        found
    }

    /// Keeps a buffer, and frees those of sizes that were not asked for the longest if that is too much.
    fn give(&mut self, buffer: Vec<Line>) {
        self.used_lines -= buffer.len();
        self.idle_lines += buffer.len();
        self.class(buffer.len()).buffers.push(buffer);
        // What threads need for a moment differs from step to step, hence the slack.
        while self.idle_lines > self.peak_lines + self.peak_lines / 8 + Self::SLACK {
            let classes = self.idle.values_mut();
            let oldest = classes
                .filter(|class| !class.buffers.is_empty())
                .min_by_key(|class| class.used);
            let freed = oldest.and_then(|class| class.buffers.pop());
            self.idle_lines -= freed.expect("idle buffers have lines").len();
        }
    }
}

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

/// How many buffers this process has allocated because the pool had none; a steady training step adds none.
pub fn buffers_allocated() -> usize {
    ALLOCATED.load(Ordering::Relaxed)
}

/// Lines for `len` floats, rounded up to one of eight steps in each power of two, so that sizes that differ a little
/// share buffers.
fn size_class(len: usize) -> usize {
    let lines = len.div_ceil(Line::FLOATS).max(1);
    let step = (lines.next_power_of_two() / 16).max(1);
    lines.next_multiple_of(step)
}

impl Buffer {
    /// `len` floats of any content.
    pub(crate) fn new(len: usize) -> Self {
        let class = size_class(len);
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pool.take(class);
        drop(pool);
        let lines = found.unwrap_or_else(|| {
            ALLOCATED.fetch_add(1, Ordering::Relaxed);
            vec![Line([0.0; Line::FLOATS]); class]
        });
        Self { lines, len }
    }

    /// `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        let mut buffer = Self::new(len);
        super::parallel::chunks_mut(&mut buffer, 1 << 16, |_, chunk| chunk.fill(0.0));
        buffer
    }

    /// A tensor of this memory, row by row.
    pub(crate) fn into_tensor(self, shape: impl Into<Shape>) -> FlexTensor {
        self.into_strided(Layout::contiguous(shape.into()))
    }

    /// A tensor `[batch, channels, height, width]` of memory `[batch, height, width, channels]`.
    pub(crate) fn into_channels_last(self, [n, c, h, w]: [usize; 4]) -> FlexTensor {
        let strides = [h * w * c, 1, w * c, c].map(|stride| stride as isize);
        self.into_strided(Layout::new([n, c, h, w].into(), strides.to_vec(), 0))
    }

    fn into_strided(self, layout: Layout) -> FlexTensor {
        assert_eq!(layout.num_elements(), self.len, "a tensor of {layout:?}");
        let bytes = self.len * size_of::<f32>();
        // SAFETY: a buffer holds `len` initialised floats, and `Lent` gives that memory and nothing else.
        let bytes = unsafe { Bytes::from_controller(Box::new(Lent(self)), bytes) };
        FlexTensor::new(bytes, layout, DType::F32)
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a line is 16 floats without padding, and the class of `len` has at least that many floats.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and `&mut self` makes it the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = take(&mut self.lines);
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        pool.give(lines);
    }
}

/// A buffer in Burn's hands.
struct Lent(Buffer);

impl AllocationController for Lent {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _policy: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let floats: &mut [f32] = &mut self.0;
        let bytes = size_of_val(floats);
        // SAFETY: the same memory as bytes; the caller promises to write only initialised ones.
        Ok(unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), bytes) })
    }

    fn memory(&self, _policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let floats: &[f32] = &self.0;
        // SAFETY: the same memory as bytes.
        Ok(unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So large that no other test has more in use. Miri would take minutes to fill it.
    const PEAK: usize = if cfg!(miri) { 1 << 16 } else { 1 << 24 };

    #[test]
    fn a_dropped_buffer_is_used_again() {
        // Lifts the peak over what other tests leave; the size below is no other test's.
        drop(Buffer::new(PEAK));
        let len = PEAK / 8 - 1;
        let first = Buffer::new(len);
        let place = first.as_ptr();
        drop(first.into_tensor([len]));
        let before = buffers_allocated();
        let second = Buffer::new(len);
        assert_eq!((second.as_ptr(), second.len()), (place, len));
        assert_eq!(buffers_allocated(), before);
    }

    #[test]
    fn sizes_out_of_use_make_room_for_others() {
        let large: Vec<Buffer> = (0..4).map(|_| Buffer::new(PEAK / 8)).collect();
        drop(large);
        let len = PEAK / 9;
        for _ in 0..2 {
            drop(Buffer::new(len));
        }
        let before = buffers_allocated();
        drop(Buffer::new(len));
        assert_eq!(buffers_allocated(), before);
    }

    #[test]
    fn classes_waste_an_eighth_at_most() {
        for len in 1..100_000 {
            let floats = size_class(len) * Line::FLOATS;
            assert!(
                floats >= len && floats <= len + len / 8 + 2 * Line::FLOATS,
                "{len}"
            );
        }
    }
}
