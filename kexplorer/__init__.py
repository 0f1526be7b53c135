"""Kafka Explorer: see, search, produce, measure and replay what flows through Apache Kafka."""

__version__ = "0.1.0"
