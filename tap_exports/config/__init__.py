"""Settings, catalog and state, validated before any request."""
