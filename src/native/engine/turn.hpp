#pragma once

#include <atomic>
#include <chrono>
#include <functional>

#include "engine/gate.hpp"
#include "engine/result.hpp"

namespace thoth {

// Whose turn a run is, and what ends it early. `interrupt` is asked between passes on the calling thread; what it
// throws ends the run.
struct RunControl {
    Patience patience{};
    std::function<void()> interrupt{};
    Priority priority = Priority::batch;
};

// Counts the turns inside the engine, so that a broken gate shows in a number and not only as a crash. Any thread.
class Occupancy {
public:
    void enter() noexcept {
        const int now = ++now_;
        int most = most_;
        while (now > most && !most_.compare_exchange_weak(most, now)) {
        }
    }
    void leave() noexcept { --now_; }
    [[nodiscard]] int most() const noexcept { return most_; }

private:
    std::atomic<int> now_{0};
    std::atomic<int> most_{0};
};

// One caller's turn at the engine, from the grant of the gate to its end, pauses included in which others went first.
//
// Lives on the stack of the calling thread. Another thread that works in the same turn may ask it anything but while it
// gives way. Destroyed, it has released the gate.
class Turn {
public:
    // Waits for the gate; throws as Gate::acquire does.
    Turn(Gate& gate, Occupancy& inside, Priority priority, const Patience& patience);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Whether somebody waits who should go first: a hint.
    [[nodiscard]] bool wanted() const noexcept { return permit_.should_yield(); }
    // To be called where the engine is between two passes and in order. Returns with the gate held; when it throws, the
    // gate is lost, and nothing but what belongs to this run alone may be touched any more.
    void give_way(const Patience& patience);
    [[nodiscard]] bool held() const noexcept { return permit_.held(); }

    [[nodiscard]] double since_grant_s() const noexcept { return Seconds(Clock::now() - granted_).count(); }
    // Fills in what the result tells of the turn, up to now.
    void describe(WindowResult& result) const noexcept;

private:
    using Clock = std::chrono::steady_clock;
    using Seconds = std::chrono::duration<double>;

    Occupancy& inside_;
    const Clock::time_point asked_;
    Gate::Permit permit_;
    const Clock::time_point granted_;
    double paused_s_ = 0;
    int preemptions_ = 0;
};

}  // namespace thoth
