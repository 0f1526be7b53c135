"""Schemas from outside: from a Schema Registry over HTTP, or from a person's files. Every call may wait."""
