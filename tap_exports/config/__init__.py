"""What the user gives, validated before any request."""
