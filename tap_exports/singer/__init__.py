"""Singer messages, and everything that depends on the SDK's internals."""
