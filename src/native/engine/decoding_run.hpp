#pragma once

#include <whisper.h>

#include <exception>
#include <mutex>
#include <vector>

#include "engine/lane.hpp"
#include "engine/options.hpp"

namespace thoth {

// The callbacks of one whisper_full call: stops it when asked to, gives way to others, filters logits, notes what
// happened.
//
// Lives on the stack of the thread that runs it; whisper.cpp calls the filter from its helper threads too. whisper.cpp
// is C in the middle, so nothing may be thrown through it: a callback that fails keeps its exception, asks for an
// abort, and finish() throws it afterwards.
class DecodingRun {
public:
    DecodingRun(const DecodeOptions& options, Lane& lane, double window_s);

    // Points the callbacks of `params` at this object, which must outlive the call.
    void attach(whisper_full_params& params);

    // Throws what ended the run early: the interrupt's own exception, Cancelled, or ModelError for `status`.
    void finish(int status) const;

    // How many steps of temperature the last pass needed.
    [[nodiscard]] int fallbacks() const noexcept { return attempts_in_pass_ > 0 ? attempts_in_pass_ - 1 : 0; }

    // Whether tokens were drawn at random, in any pass.
    [[nodiscard]] bool sampled() const noexcept { return sampled_; }

private:
    bool may_encode(whisper_state* state);
    bool should_abort() noexcept;
    void filter(const whisper_token_data* tokens, int n_tokens, float* logits) noexcept;
    void begin_attempt() noexcept;
    [[nodiscard]] bool failed() const noexcept;
    void keep(std::exception_ptr failure) noexcept;

    const DecodeOptions& options_;
    Lane& lane_;
    double window_s_;
    bool encoding_ = false;
    int vocabulary_ = 0;
    int text_end_ = 0;
    int encoder_passes_ = 0;
    int attempts_in_pass_ = 0;
    bool sampled_ = false;
    mutable std::mutex failure_mutex_;
    std::exception_ptr failure_;
};

}  // namespace thoth
