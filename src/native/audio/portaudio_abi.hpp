#pragma once

// The part of PortAudio's binary interface that a callback meets, after its portaudio.h (V19). The library itself is
// loaded and driven from Python, so the core neither includes nor links it; a test compares this with what Python's
// binding says.
extern "C" {

struct PaStreamCallbackTimeInfo {
    double inputBufferAdcTime;
    double currentTime;
    double outputBufferDacTime;
};

using PaStreamCallback = int(const void* input, void* output, unsigned long frames,
                             const PaStreamCallbackTimeInfo* time, unsigned long flags, void* user_data);
}

namespace thoth {

constexpr unsigned long pa_input_underflow = 1;
constexpr unsigned long pa_input_overflow = 2;
constexpr int pa_continue = 0;

}  // namespace thoth
