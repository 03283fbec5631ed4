#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/turn.hpp"

struct whisper_context;
struct whisper_state;

namespace thoth {

struct FreeState {
    void operator()(whisper_state* state) const noexcept;
};
using StatePtr = std::unique_ptr<whisper_state, FreeState>;

// A model in memory: its weights, and the states that no run has at the moment. There is one state, and a second one
// once two windows ran side by side or a live run came in between a batch run. What is more goes with its run. Touched
// with the gate held only.
struct LoadedModel {
    static constexpr std::size_t most_idle_states = 2;
    std::shared_ptr<whisper_context> context;
    std::vector<StatePtr> idle_states;
};

// What one run works with. The state is the run's own meanwhile: when it has given way to others it finds everything as
// it left it, goes on where it stopped, and nothing it computed is lost. If its gate is lost in such a pause it may
// still unwind: it holds the weights too, which a close() in the meantime would free.
//
// Lives on the stack of the calling thread, which makes and destroys it; must go before the Turn. In between it belongs
// to the thread that runs the window.
class Workspace {
public:
    Workspace(LoadedModel& model, const Turn& turn);
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    [[nodiscard]] whisper_context* context() const noexcept { return context_.get(); }
    [[nodiscard]] whisper_state* state() const noexcept { return state_.get(); }

    // Sampling advances a random number generator that lives in the state, and widens its cache for the candidates. A
    // fresh state makes the next text depend on its own audio alone, and gives the memory back.
    void use_up() noexcept { used_up_ = true; }
    void renew_if_used_up();
    // whisper.cpp has freed the state by itself.
    void forget_state() noexcept;

private:
    LoadedModel& model_;
    const Turn& turn_;
    const std::shared_ptr<whisper_context> context_;
    StatePtr state_;
    bool used_up_ = false;
};

// A new working state. Throws ModelError where memory does not suffice.
[[nodiscard]] StatePtr new_state(whisper_context* context);

// The last error that whisper.cpp logged; empties the log.
[[nodiscard]] std::string last_logged_error();

}  // namespace thoth
