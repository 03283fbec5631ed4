#include "engine/vad.hpp"

#include <whisper.h>

#include <climits>

#include "engine/backends.hpp"
#include "engine/log.hpp"
#include "errors.hpp"

namespace thoth {

void Vad::Free::operator()(whisper_vad_context* context) const noexcept { whisper_vad_free(context); }

Vad::Vad(const std::string& path) {
    capture_log();
    load_backends();
    whisper_vad_context_params params = whisper_vad_default_context_params();
    // A frame is far too little work to share: a second thread only adds waiting.
    params.n_threads = 1;
    params.use_gpu = false;
    context_.reset(whisper_vad_init_from_file_with_params(path.c_str(), params));
    if (!context_) throw ModelError("cannot load the voice activity model " + path + "; reinstall Thoth");
    whisper_vad_reset_state(context_.get());
}

Vad::~Vad() = default;

std::vector<float> Vad::process(std::span<const float> samples) {
    if (samples.empty()) return {};
    if (samples.size() > INT_MAX) throw AudioError("too many samples for one call: feed the stream in blocks");
    const std::lock_guard lock(mutex_);
    if (!whisper_vad_detect_speech_no_reset(context_.get(), samples.data(), static_cast<int>(samples.size()))) {
        throw ModelError("voice activity detection failed");
    }
    const float* first = whisper_vad_probs(context_.get());
    return {first, first + whisper_vad_n_probs(context_.get())};
}

void Vad::reset() {
    const std::lock_guard lock(mutex_);
    whisper_vad_reset_state(context_.get());
}

}  // namespace thoth
