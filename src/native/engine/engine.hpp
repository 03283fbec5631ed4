#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/gate.hpp"
#include "engine/lane.hpp"
#include "engine/model_file.hpp"
#include "engine/options.hpp"
#include "engine/result.hpp"
#include "engine/turn.hpp"
#include "engine/workspace.hpp"

namespace thoth {

struct WindowRequest {
    std::span<const float> samples;
    DecodeOptions options;
};

// What two windows gave: both, the first alone or none, and then what ended the rest.
struct PairResult {
    std::vector<WindowResult> windows;
    std::exception_ptr failure;
};

// One whisper.cpp context with states that are used again and again, behind one gate.
//
// Any thread may call any member. whisper.cpp's context is not thread-safe, so every member that touches it,
// loading and freeing included, holds a Permit of the gate meanwhile. A run in progress belongs to the thread
// that called; the others wait in the order in which the gate serves them.
//
// A batch window gives way to live requests between two passes of the model: the encoder over the whole window, or the
// decoder for one token. Of two that run side by side (Pair) the slower one counts. It keeps its state meanwhile and
// goes on where it stopped, so that a pause costs nothing but its own length, and the text cannot differ. A live
// request behind a batch window waits for the rest of a pass.
//
// In a child made by fork() everything that needs the gate throws ModelError.
class Engine {
public:
    using LoadProgress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

    // What becomes of matrices of a type that ggml multiplies slowly (loaded_type in model_layout.hpp).
    enum class Weights { as_they_are, widened };

    // Checks and loads a ggml Whisper model. Throws InvalidModel, or ModelError when memory does not suffice.
    explicit Engine(const std::string& path, const LoadProgress& on_progress = {}, Weights weights = Weights::widened);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Turns one window of 16 kHz mono samples, at most window_samples() of them, into segments.
    [[nodiscard]] WindowResult transcribe(std::span<const float> samples, const DecodeOptions& asked,
                                          const RunControl& control = {});

    // Turns two windows into segments side by side, within one turn: each with a state of its own, the second on a
    // thread of its own. The texts are those of two calls. Where there is no memory or no thread for that they run one
    // after the other. Throws where the turn does not begin; what ends it later is told with what was done by then.
    [[nodiscard]] PairResult transcribe_pair(const WindowRequest& first, const WindowRequest& second,
                                             const RunControl& control = {});

    // The probability of each language, most likely first; {("en", 1)} for an English-only model.
    [[nodiscard]] std::vector<std::pair<std::string, float>> detect_language(std::span<const float> samples,
                                                                             int threads,
                                                                             const RunControl& control = {});

    [[nodiscard]] std::vector<int> tokenize(const std::string& text, const RunControl& control = {});

    // Waits for the run in progress, then frees the model. Later calls throw ModelError. May be called twice.
    void close();

    [[nodiscard]] const ModelInfo& info() const noexcept { return info_; }
    // How long the load took, in seconds: the check of the file, then the weights on their way and the first state.
    [[nodiscard]] double parse_s() const noexcept { return parse_s_; }
    [[nodiscard]] double transfer_s() const noexcept { return transfer_s_; }
    [[nodiscard]] std::size_t window_samples() const noexcept;
    [[nodiscard]] int end_of_text_token() const noexcept { return end_of_text_; }
    [[nodiscard]] Gate::Stats gate_stats() const { return gate_.stats(); }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    // Windows that looked bad at a reduced audio context and were run again at the full one.
    [[nodiscard]] std::uint64_t context_reruns() const noexcept { return context_reruns_; }
    // Windows transcribed, in either class.
    [[nodiscard]] std::uint64_t windows() const noexcept { return windows_; }
    // How often two windows ran side by side.
    [[nodiscard]] std::uint64_t pairs() const noexcept { return pairs_; }
    // How long ago the last live window began; nothing where there was none.
    [[nodiscard]] std::optional<double> since_live_s() const noexcept;
    // The most turns that were ever inside the engine at once: 1, or the gate is broken.
    [[nodiscard]] int most_inside() const noexcept { return occupancy_.most(); }

private:
    using Clock = std::chrono::steady_clock;

    void load(ModelFile& file, const LoadProgress& on_progress);
    void free_model() noexcept;
    void require_open() const;
    void require_window(std::span<const float> samples) const;
    DecodeOptions suited(const DecodeOptions& asked) const;
    int automatic_context(std::size_t n_samples) const noexcept;
    WindowResult run_window(std::span<const float> samples, const DecodeOptions& options, int audio_context,
                            bool fall_back, Lane& lane, Workspace& workspace);
    WindowResult run_checked(std::span<const float> samples, const DecodeOptions& options, Lane& lane,
                             Workspace& workspace);

    Gate gate_;
    Occupancy occupancy_;
    ModelInfo info_;
    LoadedModel model_;
    int end_of_text_ = 0;
    double parse_s_ = 0;
    double transfer_s_ = 0;
    std::atomic<bool> closed_{false};
    std::atomic<std::uint64_t> context_reruns_{0};
    std::atomic<std::uint64_t> windows_{0};
    std::atomic<std::uint64_t> pairs_{0};
    std::atomic<Clock::time_point> last_live_{Clock::time_point::min()};
};

}  // namespace thoth
