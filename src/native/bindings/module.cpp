#include <pybind11/pybind11.h>

#include <cstring>

#include "errors.hpp"

namespace py = pybind11;

namespace thoth {
void register_bench(py::module_& m);
void register_capture(py::module_& m);
void register_engine(py::module_& m);
void register_gate(py::module_& m);
void register_histogram(py::module_& m);
void register_pump(py::module_& m);
void register_resamplers(py::module_& m);
void register_ring_buffer(py::module_& m);
void register_wav_writer(py::module_& m);
}  // namespace thoth

namespace {

void raise(const char* name, const std::exception& error) {
    // A message may quote a file's name or content, which need not be UTF-8.
    const auto* text = error.what();
    const auto message = py::reinterpret_steal<py::object>(
        PyUnicode_DecodeUTF8(text, static_cast<py::ssize_t>(std::strlen(text)), "replace"));
    PyErr_SetObject(py::module_::import("thoth.errors").attr(name).ptr(), message.ptr());
}

void translate(std::exception_ptr pending) {
    try {
        if (pending) std::rethrow_exception(pending);
    } catch (const thoth::DeviceError& error) {
        raise("DeviceError", error);
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
    thoth::register_bench(m);
    thoth::register_capture(m);
    thoth::register_gate(m);
    thoth::register_engine(m);
    thoth::register_histogram(m);
    thoth::register_pump(m);
    thoth::register_resamplers(m);
    thoth::register_ring_buffer(m);
    thoth::register_wav_writer(m);
}
