"""The store's API over HTTP: the only HTTP of the tap."""
