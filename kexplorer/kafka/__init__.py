"""The only door to confluent_kafka: one thread a handle, validated input, explicit settings, failures in our words."""
