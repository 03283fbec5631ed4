#include "engine/workspace.hpp"

#include <whisper.h>

#include <algorithm>
#include <utility>

#include "engine/log.hpp"
#include "errors.hpp"

namespace thoth {

void FreeState::operator()(whisper_state* state) const noexcept { whisper_free_state(state); }

StatePtr new_state(whisper_context* context) {
    StatePtr state(whisper_init_state(context));
    if (!state) throw ModelError("not enough memory for the model's working state: " + last_logged_error());
    return state;
}

std::string last_logged_error() {
    const auto lines = drain_log();
    const auto error =
        std::find_if(lines.rbegin(), lines.rend(), [](const LogLine& line) { return line.level == LogLevel::error; });
    return error == lines.rend() ? "no reason given" : error->text;
}

Workspace::Workspace(LoadedModel& model, const Turn& turn) : model_(model), turn_(turn), context_(model.context) {
    if (model_.idle_states.empty()) {
        // Room for its way back, which must not fail.
        model_.idle_states.reserve(LoadedModel::most_idle_states);
        state_ = new_state(context());
    } else {
        state_ = std::move(model_.idle_states.back());
        model_.idle_states.pop_back();
    }
}

Workspace::~Workspace() {
    if (!turn_.held() || !state_ || used_up_) return;
    if (model_.idle_states.size() < LoadedModel::most_idle_states) model_.idle_states.push_back(std::move(state_));
}

void Workspace::renew_if_used_up() {
    if (state_ && !used_up_) return;
    state_.reset();
    state_ = new_state(context());
    used_up_ = false;
}

void Workspace::forget_state() noexcept { static_cast<void>(state_.release()); }

}  // namespace thoth
