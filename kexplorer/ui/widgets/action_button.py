"""A button for an action that a panel offers in its menus, too."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton


def action_button(action: QAction, text: str) -> QPushButton:
    """Does what `action` does while that can be done."""
    button = QPushButton(action.icon(), text)
    button.setToolTip(action.toolTip())
    button.setEnabled(action.isEnabled())
    button.clicked.connect(action.trigger)
    action.changed.connect(lambda: button.setEnabled(action.isEnabled()))
    return button
