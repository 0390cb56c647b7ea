"""The presenter library: presenters for any lecture, in the folder ``presenters``."""
