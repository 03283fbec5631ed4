#include "engine/gate.hpp"

#include <algorithm>

#include "errors.hpp"

namespace thoth {

using Clock = std::chrono::steady_clock;

Gate::Permit Gate::acquire(const Patience& patience) {
    if (patience.stop.stop_requested()) throw Cancelled("cancelled before the model was asked");
    std::unique_lock lock(mutex_);
    if (busy_) {
        Waiter self;
        const auto place = waiters_.insert(waiters_.end(), &self);
        try {
            wait_for_grant(lock, self, patience);
        } catch (...) {
            if (!lock.owns_lock()) lock.lock();
            // Granted in the same moment as the wait ended: hand the gate on, or it would stay shut for ever.
            if (self.granted) {
                pass_on();
            } else {
                waiters_.erase(place);
            }
            throw;
        }
    }
    busy_ = true;
    ++granted_;
    return Permit(*this);
}

void Gate::wait_for_grant(std::unique_lock<std::mutex>& lock, Waiter& self, const Patience& patience) {
    const auto start = Clock::now();
    // A timeout of centuries must not overflow the clock.
    constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
    const auto deadline = start + std::min(patience.timeout.value_or(longest), longest);
    const auto is_granted = [&self] { return self.granted; };
    while (true) {
        const auto until = patience.poll ? std::min(deadline, Clock::now() + poll_interval) : deadline;
        self.wake.wait_until(lock, patience.stop, until, is_granted);
        if (patience.stop.stop_requested()) throw Cancelled("cancelled while waiting for the model");
        if (self.granted) return;
        if (Clock::now() >= deadline) {
            throw ModelBusy(
                "the model is in use and did not become free in the time allowed; "
                "wait longer, or load a second model");
        }
        if (patience.poll) {
            lock.unlock();
            patience.poll();
            lock.lock();
            if (self.granted) return;
        }
    }
}

Gate::Stats Gate::stats() const {
    const std::lock_guard lock(mutex_);
    return {busy_, waiters_.size(), granted_};
}

void Gate::release() noexcept {
    const std::lock_guard lock(mutex_);
    pass_on();
}

// The gate goes from hand to hand without opening in between, so nobody can slip in before the first in line.
void Gate::pass_on() noexcept {
    if (waiters_.empty()) {
        busy_ = false;
        return;
    }
    Waiter* next = waiters_.front();
    waiters_.pop_front();
    next->granted = true;
    next->wake.notify_one();
}

}  // namespace thoth
