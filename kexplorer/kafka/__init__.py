"""The only door to confluent_kafka: one thread a handle, validated input, explicit settings, failures in our words."""

from kexplorer.kafka.properties import scrub_environment

scrub_environment()
