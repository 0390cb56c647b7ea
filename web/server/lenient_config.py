"""Read a config file that contains errors, so that the panel can start in safe mode."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from appliance.config import Config, find_config
from appliance.config_file import ConfigProblem, read_settings
from appliance.errors import BadInput


def read_config_leniently(path: Path | None = None) -> tuple[Config, list[ConfigProblem]]:
    """Return the settings of ``path`` without its errors, and the errors.

    Without ``path`` the config file in use is read. Invalid values are replaced by their defaults.
    """
    path = path or find_config()
    if path is None:
        return Config(), []
    try:
        values, mistakes = read_settings(path, Config)
    except BadInput as error:
        return Config(), [ConfigProblem(0, "", "", error)]
    for mistake in mistakes:
        section, _, key = mistake.key.partition(".")
        if key and isinstance(values.get(section), dict):
            values[section].pop(key, None)
        else:
            values.pop(section, None)
    if "root" in values:
        values["root"] = path.resolve().parent / Path(values["root"]).expanduser()
    try:
        return Config.model_validate(values), mistakes
    except (ValidationError, ValueError):
        return Config(), mistakes
