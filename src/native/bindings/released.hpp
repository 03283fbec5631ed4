#pragma once

#include <pybind11/pybind11.h>

namespace thoth {

// The GIL is free while it lives, or, where that is not worth it, nothing happens.
//
// In place of pybind11's gil_scoped_release, whose destructor is noexcept: while the interpreter is taken down, Python
// (up to 3.13) ends a daemon thread that wants the GIL back by unwinding its stack, and a noexcept function on the way
// ends the process instead.
class Released {
public:
    Released() : Released(true) {}
    explicit Released(bool worth_it) : state_(worth_it ? PyEval_SaveThread() : nullptr) {}
    ~Released() noexcept(false) {
        if (state_ != nullptr) PyEval_RestoreThread(state_);
    }
    Released(const Released&) = delete;
    Released& operator=(const Released&) = delete;

private:
    PyThreadState* state_;
};

}  // namespace thoth
