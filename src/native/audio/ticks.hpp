#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#ifdef _MSC_VER
#include <intrin.h>
#else
#include <x86intrin.h>
#endif
#endif

namespace thoth {

// The processor's own clock: a few nanoseconds to read, and never a system call, which std::chrono's clocks become on
// machines whose kernel does not serve them in user space. It counts at a constant rate on every x86-64 CPU since
// 2008 (invariant TSC) and, by definition, on aarch64. Elsewhere the steady clock stands in.
[[nodiscard]] inline std::uint64_t ticks_now() noexcept {
#if defined(__x86_64__) || defined(_M_X64)
    return __rdtsc();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    std::uint64_t ticks;
    asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// Turns ticks into seconds by the steady clock, over the time since it was made: good to a millionth after a tenth of
// a second. Any thread.
class TickRate {
public:
    [[nodiscard]] double seconds(double ticks) const noexcept {
        const auto elapsed = static_cast<double>(ticks_now() - first_tick_);
        const std::chrono::duration<double> elapsed_s = std::chrono::steady_clock::now() - first_time_;
        return elapsed > 0 ? ticks * elapsed_s.count() / elapsed : 0.0;
    }

private:
    std::uint64_t first_tick_ = ticks_now();
    std::chrono::steady_clock::time_point first_time_ = std::chrono::steady_clock::now();
};

}  // namespace thoth
