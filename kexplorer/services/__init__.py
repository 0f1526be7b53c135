"""Use cases in asyncio. They reach Kafka through the Protocols of `model` and know no Qt."""
