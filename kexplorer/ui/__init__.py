"""The window. Talks to services, never to Kafka."""
