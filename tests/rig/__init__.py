"""What the tests stand on: real brokers, faults, and guards against what a test must not leave behind."""
