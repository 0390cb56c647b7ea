"""Settings of a single job that override the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from appliance.config import Config
from appliance.errors import BadInput

Options = Mapping[str, Mapping[str, Any]]
"""Values by section and key, such as ``{"lips": {"precision": "fp16"}}``."""


def with_options(config: Config, options: Options) -> Config:
    """Return ``config`` overridden by ``options``.

    Raises ``BadInput("job_options")`` if an option is unknown or invalid.
    """
    values = config.model_dump()
    for section, keys in options.items():
        values[section] = {**values.get(section, {}), **keys}
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput("job_options", reason=f"{where}: {first['msg']}") from error
