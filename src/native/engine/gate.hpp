#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace thoth {

// How long a caller is willing to wait for the gate, and what may end the wait early.
struct Patience {
    // Unset: as long as it takes. Zero: only if the gate is free at once.
    std::optional<std::chrono::nanoseconds> timeout;
    // Ends the wait with Cancelled.
    std::stop_token stop;
    // Called about every `Gate::poll_interval` while waiting, with no lock held; what it throws ends the wait.
    std::function<void()> poll;
};

// Exclusive access to one resource, first come first served.
//
// Any thread may call any member. The resource may be touched only while holding a Permit, which any thread
// may release, and which releases itself when it goes out of scope, error paths included. A Permit must not
// outlive its Gate. Waiters stand in one list: a second class of waiter is a second place to insert.
class Gate {
public:
    static constexpr std::chrono::milliseconds poll_interval{50};

    class Permit {
    public:
        Permit(Permit&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
        Permit(const Permit&) = delete;
        Permit& operator=(const Permit&) = delete;
        Permit& operator=(Permit&&) = delete;
        ~Permit() {
            if (gate_ != nullptr) gate_->release();
        }

    private:
        friend class Gate;
        explicit Permit(Gate& gate) : gate_(&gate) {}
        Gate* gate_;
    };

    struct Stats {
        bool busy;
        std::size_t waiting;
        std::uint64_t granted;
    };

    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    // Waits for the gate. Throws ModelBusy when the time is up, Cancelled when the stop token fires.
    [[nodiscard]] Permit acquire(const Patience& patience = {});

    [[nodiscard]] Stats stats() const;

private:
    struct Waiter {
        std::condition_variable_any wake;
        bool granted = false;
    };

    void wait_for_grant(std::unique_lock<std::mutex>& lock, Waiter& self, const Patience& patience);
    void release() noexcept;
    void pass_on() noexcept;

    mutable std::mutex mutex_;
    std::list<Waiter*> waiters_;
    bool busy_ = false;
    std::uint64_t granted_ = 0;
};

}  // namespace thoth
