"""What opens as a tab; one file a panel."""
