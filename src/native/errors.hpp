#pragma once

#include <stdexcept>
#include <string>

// The native half of the exception tree in thoth/errors.py. bindings/module.cpp turns each class into the
// Python class of the same name; nothing else crosses the border.
namespace thoth {

struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct AudioError : Error {
    using Error::Error;
};

struct DeviceError : AudioError {
    using AudioError::AudioError;
};
struct ModelError : Error {
    using Error::Error;
};

struct InvalidModel : ModelError {
    using ModelError::ModelError;
};

struct ModelBusy : Error {
    using Error::Error;
};

struct Cancelled : Error {
    using Error::Error;
};

struct InvalidOption : Error {
    using Error::Error;
};

}  // namespace thoth
