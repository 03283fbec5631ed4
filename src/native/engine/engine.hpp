#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/gate.hpp"
#include "engine/model_file.hpp"
#include "engine/options.hpp"
#include "engine/result.hpp"
#include "engine/turn.hpp"
#include "engine/workspace.hpp"

namespace thoth {

// Whose turn a run is, and what ends it early. `interrupt` is asked between passes on the calling thread; what it
// throws ends the run.
struct RunControl {
    Patience patience{};
    std::function<void()> interrupt{};
    Priority priority = Priority::batch;
};

// One whisper.cpp context with states that are used again and again, behind one gate.
//
// Any thread may call any member. whisper.cpp's context is not thread-safe, so every member that touches it,
// loading and freeing included, holds a Permit of the gate meanwhile. A run in progress belongs to the thread
// that called; the others wait in the order in which the gate serves them.
//
// A batch window gives way to live requests between two passes of the model: the encoder over the whole window, or the
// decoder for one token. It keeps its state meanwhile and goes on where it stopped, so that a pause costs nothing but
// its own length, and the text cannot differ. A live request behind a batch window waits for the rest of a pass.
//
// In a child made by fork() everything that needs the gate throws ModelError.
class Engine {
public:
    using LoadProgress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

    // Checks and loads a ggml Whisper model. Throws InvalidModel, or ModelError when memory does not suffice.
    explicit Engine(const std::string& path, const LoadProgress& on_progress = {});
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Turns one window of 16 kHz mono samples, at most window_samples() of them, into segments.
    [[nodiscard]] WindowResult transcribe(std::span<const float> samples, const DecodeOptions& asked,
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
    // The most threads that were ever inside the engine at once: 1, or the gate is broken.
    [[nodiscard]] int most_inside() const noexcept { return occupancy_.most(); }

private:
    void load(ModelFile& file, const LoadProgress& on_progress);
    void free_model() noexcept;
    void require_open() const;
    void require_window(std::span<const float> samples) const;
    DecodeOptions suited(const DecodeOptions& asked) const;
    int automatic_context(std::size_t n_samples) const noexcept;
    WindowResult run_window(std::span<const float> samples, const DecodeOptions& options, int audio_context,
                            bool fall_back, const RunControl& control, Turn& turn, Workspace& workspace);

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
};

}  // namespace thoth
