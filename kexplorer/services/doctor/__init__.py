"""Examines a group, a topic or a whole cluster: one check a function, each on what `Patient` tells."""
