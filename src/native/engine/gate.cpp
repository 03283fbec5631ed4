#include "engine/gate.hpp"

#include <algorithm>

#include "errors.hpp"

namespace thoth {

using Clock = std::chrono::steady_clock;

bool Gate::Permit::give_way(const Patience& patience) {
    if (!should_yield()) return false;
    Gate& gate = *std::exchange(gate_, nullptr);
    const bool gave_way = gate.give_way(patience);
    gate_ = &gate;
    return gave_way;
}

Gate::Permit Gate::acquire(Priority priority, const Patience& patience) {
    require_own_process();
    const auto asked = Clock::now();
    Line& line = line_of(priority);
    Lock lock(mutex_);
    if (patience.stop.stop_requested()) {
        ++line.counts.cancelled;
        throw Cancelled("cancelled before the model was asked");
    }
    if (holder_) {
        Waiter self{.turn = {priority}};
        stand_in_line(lock, self, line.waiters.end(), patience);
    } else {
        begin({priority});
    }
    ++line.counts.granted;
    line.waits.record(Clock::now() - asked);
    return Permit(*this);
}

bool Gate::give_way(const Patience& patience) {
    require_own_process();
    Lock lock(mutex_);
    if (!may_preempt_holder()) return false;
    Line& line = line_of(holder_->priority);
    Waiter self{.turn = *holder_};
    ++line.counts.preempted;
    const auto place = line.waiters.insert(line.waiters.begin(), &self);
    pass_on();
    stand_in_line(lock, self, place, {.timeout = {}, .stop = patience.stop, .poll = patience.poll});
    return true;
}

// Waits at `place`, which is where `self` stands already or the end of its line.
void Gate::stand_in_line(Lock& lock, Waiter& self, Place place, const Patience& patience) {
    Line& line = line_of(self.turn.priority);
    if (place == line.waiters.end()) place = line.waiters.insert(place, &self);
    update_wants_way();
    try {
        wait_for_grant(lock, self, patience);
    } catch (...) {
        if (!lock.owns_lock()) lock.lock();
        // Granted in the same moment as the wait ended: hand the gate on, or it would stay shut for ever.
        if (self.granted) {
            pass_on();
        } else {
            line.waiters.erase(place);
            update_wants_way();
        }
        throw;
    }
}

void Gate::wait_for_grant(Lock& lock, Waiter& self, const Patience& patience) {
    ClassStats& counts = line_of(self.turn.priority).counts;
    const auto start = Clock::now();
    // A timeout of centuries must not overflow the clock.
    constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
    const auto deadline = start + std::min(patience.timeout.value_or(longest), longest);
    const auto is_granted = [&self] { return self.granted; };
    while (true) {
        const auto until = patience.poll ? std::min(deadline, Clock::now() + poll_interval) : deadline;
        self.wake.wait_until(lock, patience.stop, until, is_granted);
        if (patience.stop.stop_requested()) {
            ++counts.cancelled;
            throw Cancelled("cancelled while waiting for the model");
        }
        if (self.granted) return;
        if (Clock::now() >= deadline) {
            ++counts.timed_out;
            throw ModelBusy(busy_message(self.turn.priority));
        }
        if (patience.poll) {
            lock.unlock();
            try {
                patience.poll();
            } catch (...) {
                lock.lock();
                ++counts.cancelled;
                throw;
            }
            lock.lock();
            if (self.granted) return;
        }
    }
}

Gate::Stats Gate::stats() const {
    require_own_process();
    const std::lock_guard lock(mutex_);
    Stats stats;
    if (holder_) stats.holder = holder_->priority;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        const Line& line = lines_[i];
        stats.classes[i] = line.counts;
        stats.classes[i].waiting = line.waiters.size();
        stats.classes[i].p50_wait = line.waits.quantile(0.5);
        stats.classes[i].p99_wait = line.waits.quantile(0.99);
        stats.classes[i].longest_wait = line.waits.largest();
    }
    return stats;
}

void Gate::release() noexcept {
    if (!process_.here()) return;  // the lock may be held for ever, and nobody waits
    const std::lock_guard lock(mutex_);
    pass_on();
}

void Gate::pass_on() noexcept {
    Line& line = line_of(live_is_next() ? Priority::live : Priority::batch);
    if (line.waiters.empty()) {
        holder_.reset();
        update_wants_way();
        return;
    }
    Waiter& next = *line.waiters.front();
    line.waiters.pop_front();
    begin(next.turn);
    next.granted = true;
    next.wake.notify_one();
}

bool Gate::live_is_next() const noexcept {
    if (waiting(Priority::live) == 0) return false;
    if (waiting(Priority::batch) == 0) return true;
    const Waiter& first = *lines_[static_cast<std::size_t>(Priority::batch)].waiters.front();
    return in_a_row_ < most_in_a_row && first.turn.overtakes < most_overtakes;
}

void Gate::begin(Turn turn) noexcept {
    const bool overtaking = turn.priority == Priority::live && waiting(Priority::batch) > 0;
    if (overtaking) ++line_of(Priority::batch).waiters.front()->turn.overtakes;
    in_a_row_ = overtaking ? in_a_row_ + 1 : 0;
    holder_ = turn;
    update_wants_way();
}

void Gate::update_wants_way() noexcept { wants_way_.store(may_preempt_holder(), std::memory_order_relaxed); }

bool Gate::may_preempt_holder() const noexcept {
    return holder_ && holder_->priority == Priority::batch && holder_->overtakes < most_overtakes &&
           waiting(Priority::live) > 0;
}

// For a waiter, who does not count itself.
std::string Gate::busy_message(Priority asking) const {
    const auto others = [&](Priority priority) {
        return std::to_string(waiting(priority) - (priority == asking ? 1 : 0)) + " " + name_of(priority);
    };
    return "the model is in use by a " + std::string(name_of(holder_->priority)) + " request, with " +
           others(Priority::live) + " and " + others(Priority::batch) +
           " waiting, and did not become free in the time allowed; wait longer, or load a second model";
}

void Gate::require_own_process() const {
    if (process_.here()) return;
    throw ModelError("this model was loaded before the process forked: load it again in the child");
}

}  // namespace thoth
