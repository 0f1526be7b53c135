"""What is kept on disk: connection profiles, secrets by reference, preferences."""
