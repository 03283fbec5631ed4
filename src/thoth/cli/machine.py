"""What `thoth doctor` tells of the machine and the installation: versions, CPU, environment."""

from __future__ import annotations

import os
import platform
import re
from typing import Any

_OWN_VARIABLES = ("THOTH_MODELS", "THOTH_MODELS_URL", "THOTH_OFFLINE", "THOTH_DEBUG")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

_FEATURE = re.compile(r"(\w+) = 1\b")
# User and password, and a query, in which tokens are handed over.
_SECRETS_OF_URL = re.compile(r"(?<=//)[^/]*@|\?.*")


def versions() -> dict[str, Any]:
    """Tell the versions of what Thoth is made of. Raises ImportError where a part cannot be loaded."""
    import av
    import numpy as np

    from thoth import _native

    return {
        "thoth": _version_of("thoth-speech") or _native.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "whisper_cpp": _native.whisper_version(),
        "numpy": np.__version__,
        "pyav": av.__version__,
        "ffmpeg": [f"{name} {'.'.join(map(str, numbers))}" for name, numbers in sorted(av.library_versions.items())],
    }


def cpu() -> dict[str, Any]:
    """Tell how many cores a run can have and which kernels and instructions of the CPU it runs on."""
    from thoth import _native
    from thoth.model.threads import allowed_cpus, idle_threads

    return {
        "machine": platform.machine(),
        "cores": allowed_cpus(),
        "threads_now": idle_threads(),
        "kernels": _native.cpu_variant(),
        "features": _FEATURE.findall(_native.system_info()),
    }


def environment() -> dict[str, str]:
    """Tell the variables in force: Thoth's own without secrets in URLs, proxies by name only."""
    found = {name: _SECRETS_OF_URL.sub("", os.environ[name]) for name in _OWN_VARIABLES if name in os.environ}
    for name in _PROXY_VARIABLES:
        found |= {spelling: "set" for spelling in (name, name.lower()) if os.environ.get(spelling)}
    return found


def _version_of(distribution: str) -> str | None:
    from importlib import metadata  # a fifth of what `thoth --help` would import

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
