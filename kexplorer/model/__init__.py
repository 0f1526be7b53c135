"""The vocabulary: frozen dataclasses, Protocols and pure functions over the standard library alone."""
