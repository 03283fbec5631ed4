#include "engine/turn.hpp"

#include <utility>

namespace thoth {
namespace {

// A window takes three, and more where it takes several passes or gives way; room is made beforehand, for whisper.cpp
// calls from where nothing may be thrown.
constexpr std::size_t most_stages = 64;

}  // namespace

Turn::Turn(Gate& gate, Occupancy& inside, Priority priority, const Patience& patience)
    : inside_(inside), asked_(Clock::now()), permit_(gate.acquire(priority, patience)), granted_(Clock::now()) {
    stages_.reserve(most_stages);  // may throw, and then nobody would leave
    inside_.enter();
}

Turn::~Turn() {
    if (held()) inside_.leave();
}

void Turn::give_way_if_asked(const Patience& patience) {
    if (!permit_.should_yield()) return;
    const double from_s = since_grant_s();
    const auto stage = stage_;
    end_stage();
    inside_.leave();
    preemptions_ += permit_.give_way(patience);
    inside_.enter();
    paused_s_ += since_grant_s() - from_s;
    if (stage) begin(*stage);
}

void Turn::begin(Stage stage) noexcept {
    end_stage();
    stage_ = stage;
    stage_start_s_ = since_grant_s();
}

void Turn::end_stage() noexcept {
    const auto stage = std::exchange(stage_, std::nullopt);
    if (stage && stages_.size() < most_stages) stages_.push_back({*stage, stage_start_s_, since_grant_s()});
}

void Turn::describe(WindowResult& result) {
    end_stage();
    result.waited_s = Seconds(granted_ - asked_).count();
    result.paused_s = paused_s_;
    result.ran_s = since_grant_s() - paused_s_;
    result.preemptions = preemptions_;
    result.stages = stages_;
}

}  // namespace thoth
