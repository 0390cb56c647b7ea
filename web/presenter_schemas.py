"""Requests and responses of the API about the presenters of the library."""

from __future__ import annotations

from web.schemas import Model, Name, UploadNumber


class PresenterView(Model):
    """A presenter of the library."""

    name: str
    """Name of the presenter, which identifies it in the library."""
    file: str
    """Name of the file."""
    bytes: int
    """Size of the file in bytes."""
    photo: bool
    """Whether the presenter is a photo and not a video."""
    thumbnail: str
    """Path of the thumbnail's URL."""


class PresenterList(Model):
    """The presenter library."""

    presenters: list[PresenterView]
    """Presenters, sorted by name."""


class NewPresenter(Model):
    """A finished upload to add to the presenter library."""

    upload: UploadNumber
    """Number of the upload."""
    name: Name | None = None
    """Name of the presenter, without suffix; null keeps the name of the upload."""


class NewRecording(Model):
    """A finished upload from which is to be learned how a presenter of the library speaks."""

    upload: UploadNumber
    """Number of the upload: a video with sound."""


class NewEnrolment(Model):
    """A request for what was learned from a presenter."""

    learn: bool = False
    """Learn now if that was not done."""
