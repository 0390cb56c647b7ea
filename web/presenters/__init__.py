"""The library: people who can speak any lecture, kept in the folder ``presenters``."""
