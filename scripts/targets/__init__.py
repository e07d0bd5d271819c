"""What `make targets` tries: the list, what the tap prints, how a target is fed, and what it wrote compared."""
