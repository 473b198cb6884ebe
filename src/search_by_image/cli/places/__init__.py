"""What the commands work on: the library of the settings, or that of a service behind HTTP. One a file."""
