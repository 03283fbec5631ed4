#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <vector>

#include "engine/gate.hpp"
#include "engine/result.hpp"

namespace thoth {

// Counts the threads inside the engine, so that a broken gate shows in a number and not only as a crash. Any thread.
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
// Lives on the stack of the thread that runs. Destroyed, it has released the gate.
class Turn {
public:
    // Waits for the gate; throws as Gate::acquire does.
    Turn(Gate& gate, Occupancy& inside, Priority priority, const Patience& patience);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // To be called where the engine is between two passes and in order. Returns with the gate held; when it throws, the
    // gate is lost, and nothing but what belongs to this run alone may be touched any more.
    void give_way_if_asked(const Patience& patience);
    [[nodiscard]] bool held() const noexcept { return permit_.held(); }

    // Ends the stage before, if any.
    void begin(Stage stage) noexcept;
    void end_stage() noexcept;

    // Ends the stage and fills in what the result tells of the turn.
    void describe(WindowResult& result);

private:
    using Clock = std::chrono::steady_clock;
    using Seconds = std::chrono::duration<double>;

    [[nodiscard]] double since_grant_s() const noexcept { return Seconds(Clock::now() - granted_).count(); }

    Occupancy& inside_;
    const Clock::time_point asked_;
    Gate::Permit permit_;
    const Clock::time_point granted_;
    double paused_s_ = 0;
    int preemptions_ = 0;
    std::optional<Stage> stage_;
    double stage_start_s_ = 0;
    std::vector<StageTime> stages_;
};

}  // namespace thoth
