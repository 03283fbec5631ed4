#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

struct whisper_vad_context;

namespace thoth {

// Silero voice activity detection (https://github.com/snakers4/silero-vad) as whisper.cpp runs it: one speech
// probability per frame of 512 samples (32 ms) at 16 kHz, with a recurrent state carried from call to call.
//
// Any thread may call any member; calls on one Vad are serialised by its own lock, since its state is one
// stream's. It shares nothing with the transcription engine, so it needs no permit of its gate.
class Vad {
public:
    static constexpr std::size_t frame_samples = 512;

    // Throws ModelError when the file cannot be loaded.
    explicit Vad(const std::string& path);
    ~Vad();
    Vad(const Vad&) = delete;
    Vad& operator=(const Vad&) = delete;

    // One probability for each frame; a last, shorter frame is padded with silence, so feed whole frames until
    // the stream ends. Throws ModelError when the computation fails.
    [[nodiscard]] std::vector<float> process(std::span<const float> samples);

    // Forgets the stream so far.
    void reset();

private:
    struct Free {
        void operator()(whisper_vad_context* context) const noexcept;
    };

    std::mutex mutex_;
    std::unique_ptr<whisper_vad_context, Free> context_;
};

}  // namespace thoth
