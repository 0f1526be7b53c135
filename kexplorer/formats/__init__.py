"""Bytes to what a person reads, and back. Pure functions, no Qt, no broker."""
