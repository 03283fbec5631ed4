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

// Turns ticks into seconds by the steady clock, over the time since it was made: good to a thousandth after a
// millisecond. Any thread.
class TickRate {
public:
    [[nodiscard]] double seconds(double ticks) const noexcept {
        const Moment now = moment();
        const auto elapsed = static_cast<double>(now.tick - first_.tick);
        const std::chrono::duration<double> elapsed_s = now.time - first_.time;
        return elapsed > 0 ? ticks * elapsed_s.count() / elapsed : 0.0;
    }

private:
    using Clock = std::chrono::steady_clock;
    struct Moment {
        std::uint64_t tick;
        Clock::time_point time;
    };

    // Both clocks at once. Whoever was interrupted between them looks again.
    static Moment moment() noexcept {
        constexpr int tries = 8;
        constexpr std::chrono::microseconds undisturbed{1};
        Moment found{};
        for (int i = 0; i < tries; ++i) {
            const auto before = Clock::now();
            found = {ticks_now(), Clock::now()};
            if (found.time - before <= undisturbed) break;
        }
        return found;
    }

    Moment first_ = moment();
};

}  // namespace thoth
