#include "engine/decoding_run.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/logits.hpp"
#include "errors.hpp"

namespace thoth {
namespace {

// A rest shorter than this is the tail of the last word or the silence after it, not speech left out: the model's
// end timestamps are off by 0.1-0.2 s. Another pass over it would cost an encoder run and tends to invent text.
constexpr double shortest_rest_s = 0.5;

}  // namespace

DecodingRun::DecodingRun(const DecodeOptions& options, Lane& lane, double window_s)
    : options_(options), lane_(lane), window_s_(window_s) {}

void DecodingRun::attach(whisper_full_params& params) {
    params.encoder_begin_callback = [](whisper_context* context, whisper_state* state, void* self) {
        auto& run = *static_cast<DecodingRun*>(self);
        run.vocabulary_ = whisper_n_vocab(context);
        run.text_end_ = whisper_token_eot(context);
        return run.may_encode(state);
    };
    params.encoder_begin_callback_user_data = this;
    params.abort_callback = [](void* self) { return static_cast<DecodingRun*>(self)->should_abort(); };
    params.abort_callback_user_data = this;
    params.logits_filter_callback = [](whisper_context*, whisper_state*, const whisper_token_data* tokens, int n_tokens,
                                       float* logits, void* self) {
        static_cast<DecodingRun*>(self)->filter(tokens, n_tokens, logits);
    };
    params.logits_filter_callback_user_data = this;
}

void DecodingRun::finish(int status) const {
    if (failure_) std::rethrow_exception(failure_);
    if (lane_.cancelled()) throw Cancelled("cancelled while transcribing");
    if (status != 0) throw ModelError("whisper.cpp failed with status " + std::to_string(status));
}

// whisper.cpp asks before every pass over the window; a second one begins where the last timestamp ended.
bool DecodingRun::may_encode(whisper_state* state) {
    if (should_abort()) return false;
    if (encoder_passes_ > 0) {
        const int n = whisper_full_n_segments_from_state(state);
        if (n == 0) return false;
        const double done_s = 0.01 * static_cast<double>(whisper_full_get_segment_t1_from_state(state, n - 1));
        const double speech_end_s = options_.speech_end_s < 0 ? window_s_ : options_.speech_end_s;
        if (speech_end_s - done_s < shortest_rest_s) return false;
    }
    ++encoder_passes_;
    attempts_in_pass_ = 0;
    encoding_ = true;
    lane_.begin(Stage::encode);
    return true;
}

// Asked by whisper.cpp after the spectrogram and after each pass of the encoder or decoder. The state is in order then,
// so this is also where others may go first.
bool DecodingRun::should_abort() noexcept {
    if (failed() || lane_.cancelled()) return true;
    try {
        if (std::exchange(encoding_, false)) lane_.begin(Stage::decode);
        lane_.checkpoint();
    } catch (...) {
        keep(std::current_exception());
        return true;
    }
    return false;
}

bool DecodingRun::failed() const noexcept {
    const std::lock_guard lock(failure_mutex_);
    return failure_ != nullptr;
}

void DecodingRun::keep(std::exception_ptr failure) noexcept {
    const std::lock_guard lock(failure_mutex_);
    if (!failure_) failure_ = std::move(failure);
}

// Called for the candidates of a beam from several threads at once, except for the first token of a sequence.
void DecodingRun::filter(const whisper_token_data* tokens, int n_tokens, float* logits) noexcept {
    if (n_tokens == 0) begin_attempt();
    const std::span<float> all(logits, static_cast<std::size_t>(vocabulary_));
    const std::span<const whisper_token_data> history(tokens, static_cast<std::size_t>(n_tokens));
    if (!all_comparable(all)) {
        // Finite weights can still overflow on the way. whisper.cpp sorts what it gets, and NaN has no order.
        std::fill(all.begin(), all.end(), 0.0F);
        keep(std::make_exception_ptr(InvalidModel("the model computes NaN: its weights are damaged")));
        return;
    }
    suppress(all, options_.suppress_tokens);
    // whisper.cpp keeps this limit to the token only while there are timestamps to go on with.
    if (options_.max_new_tokens > 0 && n_tokens >= options_.max_new_tokens && options_.without_timestamps) {
        allow_only(all, text_end_);
    }
    penalise_repetition(all, history, text_end_, options_.repetition_penalty);
    forbid_repeated_ngrams(all, history, text_end_, options_.no_repeat_ngram_size);
}

// A sequence is empty once per temperature: the first token is sampled for all candidates at once.
void DecodingRun::begin_attempt() noexcept {
    ++attempts_in_pass_;
    // A beam draws its candidates too, at any temperature.
    sampled_ |= attempts_in_pass_ > 1 || options_.temperature > 0 || options_.beam_size > 1;
}

}  // namespace thoth
