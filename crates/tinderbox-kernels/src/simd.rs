//! Which vectors the kernels use.

use std::sync::LazyLock;

use pulp::Arch;

/// The widest vectors of this processor, or those that the variable `TINDERBOX_KERNELS` names: `avx2` or `portable`, for tests
/// of what other processors take.
pub(crate) fn arch() -> Arch {
    static ARCH: LazyLock<Arch> = LazyLock::new(|| {
        let chosen = std::env::var("TINDERBOX_KERNELS");
        match chosen.as_deref() {
            Ok("portable") => Arch::Scalar,
            #[cfg(target_arch = "x86_64")]
            Ok("avx2") => pulp::x86::V3::try_new().map_or_else(Arch::new, Arch::V3),
            _ => Arch::new(),
        }
    });
    *ARCH
}
