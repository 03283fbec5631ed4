#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "audio/own_process.hpp"
#include "histogram.hpp"

namespace thoth {

// Who is served first: somebody who talks and waits for the text, or a recording that can wait.
enum class Priority : std::size_t { live = 0, batch = 1 };

[[nodiscard]] constexpr const char* name_of(Priority priority) noexcept {
    return priority == Priority::live ? "live" : "batch";
}

// How long a caller is willing to wait for the gate, and what may end the wait early.
struct Patience {
    // Unset: as long as it takes. Zero: only if the gate is free at once.
    std::optional<std::chrono::nanoseconds> timeout;
    // Ends the wait with Cancelled.
    std::stop_token stop;
    // Called about every `Gate::poll_interval` while waiting, with no lock held; what it throws ends the wait.
    std::function<void()> poll;
};

// Exclusive access to one resource, for two classes of callers.
//
// Mutual exclusion: there is one holder at most. The resource may be touched only while holding a Permit, which
// releases itself when it goes out of scope, error paths included. The gate goes from hand to hand without opening in
// between, so that nobody slips in.
//
// Order: live before batch, and within a class first come first served. While a live request waits, the permit of a
// batch holder says so (should_yield), and a holder that then gives way has its turn again as the first of its class.
//
// Bound: a batch request that stands first in its line, waiting or having given way, lets at most `most_in_a_row` live
// turns pass before it goes on; and from there to its end at most `most_overtakes` in all, however often it gave way.
//
// Any thread may call any member; a Permit belongs to one thread at a time, may be released by any, and must not
// outlive its Gate. In a child made by fork() every call throws ModelError, for who held or guarded it may be missing
// there.
class Gate {
public:
    static constexpr std::chrono::milliseconds poll_interval{50};
    // A live window is short, a tenth of a batch window: with eight of them in a row a batch request waits about as
    // long as behind one of its own kind, and more live streams than that are more than one model can follow anyway.
    static constexpr int most_in_a_row = 8;
    // Three times that: one wait at the beginning and two more on the way. They are counted by turns and not by pauses,
    // because who gives way keeps what it has: ten single requests on the way cost it no more than one burst of ten.
    static constexpr int most_overtakes = 3 * most_in_a_row;

    class Permit {
    public:
        Permit(Permit&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
        Permit(const Permit&) = delete;
        Permit& operator=(const Permit&) = delete;
        Permit& operator=(Permit&&) = delete;
        ~Permit() { release(); }

        [[nodiscard]] bool held() const noexcept { return gate_ != nullptr; }

        // Whether somebody waits who should go first and this turn may still be interrupted: one relaxed load, for it
        // is a hint. What matters is looked at again under the lock.
        [[nodiscard]] bool should_yield() const noexcept {
            return gate_ != nullptr && gate_->wants_way_.load(std::memory_order_relaxed);
        }

        // Lets those who should go first have their turns and returns when it holds the gate again; returns at once
        // where nobody waits or live turns enough went before it. `patience.timeout` does not count: the turn has
        // begun. When it throws (Cancelled, or what the poll throws) the permit is lost. Returns whether it gave way.
        bool give_way(const Patience& patience = {});

        void release() noexcept {
            if (gate_ != nullptr) std::exchange(gate_, nullptr)->release();
        }

    private:
        friend class Gate;
        explicit Permit(Gate& gate) : gate_(&gate) {}
        Gate* gate_;
    };

    struct ClassStats {
        std::size_t waiting = 0;
        std::uint64_t granted = 0;
        std::uint64_t timed_out = 0;  // waits that ended with ModelBusy
        std::uint64_t cancelled = 0;  // waits that ended with Cancelled, or by what the poll threw
        std::uint64_t preempted = 0;  // times that a turn gave way
        // From asking to the grant, of those granted; the waits of turns that gave way are not among them.
        std::chrono::nanoseconds p50_wait{0};
        std::chrono::nanoseconds p99_wait{0};
        std::chrono::nanoseconds longest_wait{0};
    };

    struct Stats {
        std::optional<Priority> holder;
        std::array<ClassStats, 2> classes;

        [[nodiscard]] const ClassStats& of(Priority priority) const noexcept {
            return classes[static_cast<std::size_t>(priority)];
        }
        [[nodiscard]] std::size_t waiting() const noexcept { return classes[0].waiting + classes[1].waiting; }
        [[nodiscard]] std::uint64_t granted() const noexcept { return classes[0].granted + classes[1].granted; }
    };

    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    // Waits for the gate. Throws ModelBusy when the time is up, Cancelled when the stop token fires.
    [[nodiscard]] Permit acquire(Priority priority, const Patience& patience = {});

    [[nodiscard]] Stats stats() const;

private:
    struct Turn {
        Priority priority;
        int overtakes = 0;  // live turns that began while it stood first in line
    };

    struct Waiter {
        Turn turn;
        std::condition_variable_any wake{};
        bool granted = false;
    };

    struct Line {
        std::list<Waiter*> waiters;
        ClassStats counts;
        Histogram waits;
    };

    using Lock = std::unique_lock<std::mutex>;
    using Place = std::list<Waiter*>::const_iterator;

    [[nodiscard]] Line& line_of(Priority priority) noexcept { return lines_[static_cast<std::size_t>(priority)]; }
    [[nodiscard]] std::size_t waiting(Priority priority) const noexcept {
        return lines_[static_cast<std::size_t>(priority)].waiters.size();
    }
    void stand_in_line(Lock& lock, Waiter& self, Place place, const Patience& patience);
    void wait_for_grant(Lock& lock, Waiter& self, const Patience& patience);
    bool give_way(const Patience& patience);
    void release() noexcept;
    void pass_on() noexcept;
    void begin(Turn turn) noexcept;
    void update_wants_way() noexcept;
    [[nodiscard]] bool live_is_next() const noexcept;
    [[nodiscard]] bool may_preempt_holder() const noexcept;
    [[nodiscard]] std::string busy_message(Priority asking) const;
    void require_own_process() const;

    const OwnProcess process_;
    mutable std::mutex mutex_;
    std::array<Line, 2> lines_;
    std::optional<Turn> holder_;
    int in_a_row_ = 0;  // live turns that began since the last batch turn, while a batch request waited
    std::atomic<bool> wants_way_{false};
};

}  // namespace thoth
