"""The pages of the presenter library."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from appliance.config import Config
from tests.web.conftest import SignIn
from web.context import EXTENSION, Panel
from web.services.reading_texts import READING_TEXTS


@pytest.fixture
def library(config: Config) -> Path:
    folder = config.root / "presenters"
    folder.mkdir(parents=True)
    (folder / "Wang & Li.mp4").write_bytes(b"video")
    (folder / "Photo.jpg").write_bytes(b"photo")
    return folder


def test_videos_can_be_learned_from(library: Path, sign_in: SignIn) -> None:
    teacher = sign_in("teacher")
    page = teacher.get("/presenters").text
    assert "/presenters/Wang%20%26%20Li/enrolment" in page or "Wang%20&amp;%20Li" in page
    assert "Photo/enrolment" not in page


def test_page_shows_recording_setting_and_texts(
    library: Path, app: Flask, config: Config, sign_in: SignIn
) -> None:
    teacher = sign_in("teacher")
    page = teacher.get("/presenters/Wang & Li/enrolment").text
    assert 'data-presenter="Wang &amp; Li"' in page
    assert 'id="has-recording" hidden' in page and "Learning is on" in page
    assert READING_TEXTS["zh"] in page
    (library / "learning").mkdir()
    (library / "learning" / "wang & li.mov").touch()
    here: Panel = app.extensions[EXTENSION]
    off = config.personalization.model_copy(update={"motion": "off"})
    here.config = config.model_copy(update={"personalization": off})
    page = teacher.get("/presenters/Wang & Li/enrolment").text
    assert 'id="has-recording" hidden' not in page and "Learning is off" in page


def test_only_teachers_and_known_presenters(library: Path, sign_in: SignIn) -> None:
    assert sign_in("viewer").get("/presenters/Photo/enrolment").status_code == 403
    assert sign_in("teacher").get("/presenters/nobody/enrolment").status_code == 404


def test_reading_texts_are_those_of_the_guides(project: Path) -> None:
    for language, text in READING_TEXTS.items():
        guide = (project / "docs" / f"teacher.{language}.md").read_text(encoding="utf-8")
        separator = " " if language == "en" else ""
        assert text in separator.join(line.lstrip("> ") for line in guide.splitlines())


def test_address_of_any_name_survives_language_and_sign_in(
    library: Path, app: Flask, sign_in: SignIn
) -> None:
    (library / "A#1 100%?.mp4").write_bytes(b"video")
    address = "/presenters/A%231%20100%25%3F/enrolment?a=%23"
    page = sign_in("teacher").get(address).text
    assert 'name="next" value="/presenters/A%231%20100%25%3F/enrolment?a=%23"' in page
    location = app.test_client().get(address).location
    assert location is not None
    assert parse_qs(urlsplit(location).query)["next"] == [address]
