#include "engine/lane.hpp"

#include <utility>

namespace thoth {
namespace {

// A window takes three, and more where it takes several passes or gives way; room is made beforehand, for whisper.cpp
// calls from where nothing may be thrown.
constexpr std::size_t most_stages = 64;

}  // namespace

Lane::Lane(Turn& turn, const RunControl& control) : turn_(turn), control_(control) { stages_.reserve(most_stages); }

void Lane::checkpoint() {
    look_up();
    if (!turn_.wanted()) return;
    const auto stage = stage_;
    end_stage();
    stand_aside();
    if (stage) begin(*stage);
}

void Lane::look_up() {
    if (control_.interrupt) control_.interrupt();
}

void Lane::stand_aside() { turn_.give_way(control_.patience); }

void Lane::begin(Stage stage) noexcept {
    end_stage();
    stage_ = stage;
    stage_start_s_ = turn_.since_grant_s();
}

void Lane::end_stage() noexcept {
    const auto stage = std::exchange(stage_, std::nullopt);
    if (stage && stages_.size() < most_stages) stages_.push_back({*stage, stage_start_s_, turn_.since_grant_s()});
}

void Lane::describe(WindowResult& result) {
    end_stage();
    turn_.describe(result);
    result.stages = stages_;
}

}  // namespace thoth
