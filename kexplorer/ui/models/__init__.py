"""Qt item models; QtCore and QtGui only, testable without a window."""
