#include "engine/pair.hpp"

#include <system_error>
#include <thread>

#include "errors.hpp"

namespace thoth {

class Pair::First final : public Lane {
public:
    explicit First(Pair& pair) : Lane(pair.turn_, pair.control_), pair_(pair) {}

protected:
    void stand_aside() override { pair_.lead(); }

private:
    Pair& pair_;
};

// It never asks the caller's interrupt, which belongs to the calling thread.
class Pair::Second final : public Lane {
public:
    explicit Second(Pair& pair) : Lane(pair.turn_, pair.control_), pair_(pair) {}

protected:
    void look_up() override { pair_.require_going_on(); }
    void stand_aside() override { pair_.follow(); }

private:
    Pair& pair_;
};

bool Pair::run(const Work& first, const Work& second) {
    First lane(*this);
    std::thread helper;
    try {
        helper = std::thread([this, &second] { run_second(second); });
    } catch (const std::system_error&) {
        return false;
    }
    try {
        first(lane);
    } catch (...) {
        first_failure_ = std::current_exception();
        end();
    }
    try {
        await_second();
    } catch (...) {
        interruption_ = std::current_exception();
        end();
    }
    helper.join();
    return true;
}

std::exception_ptr Pair::failure() const noexcept {
    if (first_failure_) return first_failure_;
    return interruption_ ? interruption_ : second_failure_;
}

void Pair::run_second(const Work& second) noexcept {
    try {
        Second lane(*this);
        second(lane);
    } catch (...) {
        second_failure_ = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
}

void Pair::lead() {
    Lock lock(mutex_);
    while (!standing_ && !done_) {
        if (!turn_.wanted()) return;
        changed_.wait_for(lock, recheck);
        call_interrupt(lock);
    }
    giving_way_ = true;
    lock.unlock();
    turn_.give_way(control_.patience);  // where it throws the second lane stands until end()
    lock.lock();
    giving_way_ = false;
    standing_ = false;
    changed_.notify_all();
}

void Pair::follow() {
    Lock lock(mutex_);
    standing_ = true;
    changed_.notify_all();
    while (standing_ && !ended_ && (giving_way_ || turn_.wanted())) changed_.wait_for(lock, recheck);
    standing_ = false;
    lock.unlock();
    require_going_on();
}

void Pair::await_second() {
    Lock lock(mutex_);
    while (!done_) {
        if (standing_ && !ended_ && turn_.wanted()) {
            lock.unlock();
            lead();
            lock.lock();
            continue;
        }
        changed_.wait_for(lock, Gate::poll_interval);
        if (!ended_) call_interrupt(lock);
    }
}

void Pair::end() noexcept {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

void Pair::require_going_on() {
    const std::lock_guard lock(mutex_);
    if (ended_) throw Cancelled("ended with the window beside it");
}

void Pair::call_interrupt(Lock& lock) {
    if (!control_.interrupt) return;
    lock.unlock();
    control_.interrupt();
    lock.lock();
}

}  // namespace thoth
