"""Widgets are tested in the program's own look: without its fonts, the first text costs Qt a search of 0.1 s."""

import pytest
from PySide6.QtWidgets import QApplication

from kexplorer.ui import theme


@pytest.fixture(scope="session")
def qapp(qapp: QApplication) -> QApplication:
    theme.apply(qapp)
    return qapp
