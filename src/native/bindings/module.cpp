#include <pybind11/pybind11.h>

#include "errors.hpp"

namespace py = pybind11;

namespace thoth {
void register_audio(py::module_& m);
void register_engine(py::module_& m);
}  // namespace thoth

namespace {

void raise(const char* name, const std::exception& error) {
    PyErr_SetString(py::module_::import("thoth.errors").attr(name).ptr(), error.what());
}

void translate(std::exception_ptr pending) {
    try {
        if (pending) std::rethrow_exception(pending);
    } catch (const thoth::AudioError& error) {
        raise("AudioError", error);
    } catch (const thoth::InvalidModel& error) {
        raise("InvalidModel", error);
    } catch (const thoth::ModelError& error) {
        raise("ModelError", error);
    } catch (const thoth::ModelBusy& error) {
        raise("ModelBusy", error);
    } catch (const thoth::Cancelled& error) {
        raise("Cancelled", error);
    } catch (const thoth::InvalidOption& error) {
        raise("InvalidOption", error);
    } catch (const thoth::Error& error) {
        raise("ThothError", error);
    }
}

}  // namespace

PYBIND11_MODULE(_native, m) {
    m.doc() = "The native core of Thoth: audio, the transcription engine and its gate.";
    m.attr("__version__") = THOTH_VERSION;
    py::register_local_exception_translator(translate);
    thoth::register_audio(m);
    thoth::register_engine(m);
}
